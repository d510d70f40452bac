"""The MuJoCo stand-in: the simulated robot with its two tasks, cameras, and the scripted expert."""
