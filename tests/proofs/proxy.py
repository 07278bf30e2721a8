"""A TCP connection that can be held up on its way to PostgreSQL, after so many bytes; what was sent meanwhile arrives on release."""
import socket
import threading


class Proxy:
    def __init__(self, to_port):
        self.to_port, self.held_bytes, self.still, self.ports = to_port, 0, 0, set()  # ports: as PostgreSQL sees its clients
        self.open = threading.Event()
        self.open.set()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def hold(self, after=0):
        self.held_bytes, self.still = 0, after
        self.open.clear()

    def release(self):
        self.open.set()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(('127.0.0.1', self.to_port))
            self.ports.add(far.getsockname()[1])
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, False), daemon=True).start()

    def pump(self, source, sink, holds):
        try:
            while data := source.recv(65536):
                if holds and not self.open.is_set():
                    passes, data = data[:self.still], data[self.still:]
                    self.still = 0
                    sink.sendall(passes)
                    self.held_bytes += len(data)
                    self.open.wait()
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
