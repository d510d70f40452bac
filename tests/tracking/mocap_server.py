"""A NatNet server in this process: answers questions and sends frames when it is told to, unicast or to a group."""

import socket
import struct

from . import mocap_packets as packets


class NatNetServer:
    def __init__(self, version=(4, 1), skeletons=("Ann",), host="127.0.0.1"):
        self.version, self.skeletons = version, skeletons
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.clients, self.asked = set(), []

    def answer(self):
        """Whatever waits: CONNECT and the request for names."""
        while True:
            try:
                question, client = self.socket.recvfrom(2048)
            except BlockingIOError:
                return
            kind = struct.unpack_from("<H", question)[0]
            self.asked.append(kind)
            self.clients.add(client)
            if kind == 0:
                self.socket.sendto(packets.natnet_server_info(self.version), client)
            elif kind == 4:
                self.socket.sendto(packets.natnet_description(self.version, self.skeletons), client)

    def send(self, joints, number, group=None, **options):
        frame = packets.natnet_frame(joints, number, self.version, skeletons=len(self.skeletons), **options)
        for client in self.clients if group is None else [group]:
            self.socket.sendto(frame, client)

    def close(self):
        self.socket.close()
