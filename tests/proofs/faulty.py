"""A TCP line between the engine and an institution, with every fault that a line has; one kind at a time, for new and old connections."""
import contextlib
import socket
import struct
import threading
import time

FAULTS = ('stop', 'slow', 'jam', 'one_way', 'reset', 'half_close', 'truncate', 'duplicate', 'garble', 'refuse')


class Line:
    def __init__(self, to_port):
        self.to_port, self.kind, self.hit = to_port, None, 0
        self.well = threading.Event()
        self.well.set()
        self.pairs = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def fault(self, kind):
        self.kind, self.hit = kind, 0
        (self.well.set if kind is None else self.well.clear)()

    def cut(self):
        for pair in self.pairs:
            self.close(*pair)
        self.pairs.clear()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            if self.kind == 'refuse':
                self.hit += 1
                self.reset(near)
                continue
            try:
                far = socket.create_connection(('127.0.0.1', self.to_port))
            except OSError:
                near.close()
                continue
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs.append((near, far))
            threading.Thread(target=self.pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, False), daemon=True).start()

    def pump(self, source, sink, outward):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                data = self.spoil(data, source, sink, outward)
                if data is None:
                    break
                sink.sendall(data)
        self.close(source, sink)

    def spoil(self, data, source, sink, outward):
        """What is sent on; None: the connection is over."""
        kind = self.kind
        if kind is None:
            return data
        self.hit += 1
        if kind == 'stop' or (kind == 'one_way' and not outward) or (kind == 'jam' and outward):
            self.well.wait()  # nothing moves; what was sent meanwhile arrives afterwards
        elif kind == 'slow':
            time.sleep(0.2)
        elif kind == 'reset':
            self.reset(source)
            self.reset(sink)
            return None
        elif kind == 'half_close':
            sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
            self.well.wait()
            return None
        elif kind == 'truncate':
            sink.sendall(data[:len(data) // 2])
            return None
        elif kind == 'duplicate':
            return data + data
        elif kind == 'garble':
            return data[:-1] + bytes([data[-1] ^ 1])
        return data

    @staticmethod
    def reset(one):
        with contextlib.suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            one.close()

    @staticmethod
    def close(*both):
        for one in both:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
