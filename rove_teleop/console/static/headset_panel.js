// A panel of text inside the headset: a canvas as the texture of one rectangle that stays in front of the operator.

const WIDTH_PX = 1024;
const HEIGHT_PX = 512;
const HALF_WIDTH_M = 0.5;
const DISTANCE_M = 1.4;
const BELOW_EYES_M = 0.25;
// Further off than this, the panel comes to where the operator looks.
const STAYS_WITHIN_M = 0.9;

const VERTEX = `
  attribute vec2 corner;
  uniform mat4 projection, view, model;
  varying vec2 uv;
  void main() {
    uv = vec2(corner.x, -corner.y) * 0.5 + 0.5;
    gl_Position = projection * view * model * vec4(corner, 0.0, 1.0);
  }`;
const FRAGMENT = `
  precision mediump float;
  uniform sampler2D picture;
  varying vec2 uv;
  void main() { gl_FragColor = texture2D(picture, uv); }`;

export class Panel {
  constructor(gl) {
    this.gl = gl;
    this.program = link(gl);
    this.uniforms = Object.fromEntries(
      ["projection", "view", "model"].map((name) => [name, gl.getUniformLocation(this.program, name)]));
    this.corners = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    this.texture = gl.createTexture();
    const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH_PX, height: HEIGHT_PX });
    this.paper = canvas.getContext("2d");
    this.shown = "";
    this.place = null;
  }

  // words: what headset_words.js makes. Painted only when it says something new.
  say(words) {
    const said = JSON.stringify(words);
    if (said === this.shown) return;
    this.shown = said;
    paint(this.paper, words);
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, this.paper.canvas);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  draw(layer, viewerPose) {
    const gl = this.gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, layer.framebuffer);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!viewerPose) return;
    this.follow(viewerPose.transform.matrix);
    gl.useProgram(this.program);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    const corner = gl.getAttribLocation(this.program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.uniformMatrix4fv(this.uniforms.model, false, this.place);
    for (const view of viewerPose.views) {
      const { x, y, width, height } = layer.getViewport(view);
      gl.viewport(x, y, width, height);
      gl.uniformMatrix4fv(this.uniforms.projection, false, view.projectionMatrix);
      gl.uniformMatrix4fv(this.uniforms.view, false, view.transform.inverse.matrix);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
  }

  // Upright, at the height of the eyes or a little below, turned to the operator.
  follow(head) {
    const [fx, fz] = [-head[8], -head[10]];
    const length = Math.hypot(fx, fz) || 1;
    const [dx, dz] = [fx / length, fz / length];
    const wish = [head[12] + DISTANCE_M * dx, head[13] - BELOW_EYES_M, head[14] + DISTANCE_M * dz];
    const place = this.place;
    const off = place ? Math.hypot(place[12] - wish[0], place[13] - wish[1], place[14] - wish[2]) : Infinity;
    if (off <= STAYS_WITHIN_M) return;
    const [w, h] = [HALF_WIDTH_M, (HALF_WIDTH_M * HEIGHT_PX) / WIDTH_PX];
    this.place = new Float32Array([-dz * w, 0, dx * w, 0, 0, h, 0, 0, -dx, 0, -dz, 0, ...wish, 1]);
  }
}

function paint(paper, { title, phase, reason, guide, alarm, colour }) {
  paper.clearRect(0, 0, WIDTH_PX, HEIGHT_PX);
  paper.fillStyle = "#12171fd9";
  paper.fillRect(0, 0, WIDTH_PX, HEIGHT_PX);
  paper.fillStyle = colour;
  paper.fillRect(0, 0, 14, HEIGHT_PX);
  const lines = [[title, 120, colour, 700], [phase, 54, colour, 600], [reason, 40, "#e9edf3", 400],
    [guide, 44, "#4fd6a0", 600], [alarm, 44, "#ffd79a", 600]];
  let y = 0;
  for (const [text, size, fill, weight] of lines) {
    if (!text) continue;
    y += size * 1.3;
    paper.font = `${weight} ${size}px sans-serif`;
    paper.fillStyle = fill;
    paper.fillText(text, 48, y, WIDTH_PX - 80);
  }
}

function link(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}
