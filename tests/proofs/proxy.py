"""A TCP connection that can be held up on its way to PostgreSQL, at once or behind the next statement; what was sent meanwhile arrives on release."""
import socket
import struct
import threading

STARTUP = 196608  # protocol 3.0; other untyped messages ask for encryption before it


class Proxy:
    def __init__(self, to_port):
        self.to_port, self.held_bytes, self.statements, self.ports = to_port, 0, 0, set()  # ports: as PostgreSQL sees its clients
        self.open = threading.Event()
        self.open.set()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def hold(self, statements=0):
        """From now on, on each connection: so many statements pass, then nothing."""
        self.held_bytes, self.statements = 0, statements
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
            threading.Thread(target=self.to_postgres, args=(near, far), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near), daemon=True).start()

    def to_postgres(self, source, sink):
        started, buffer, passed = False, b'', 0
        try:
            while data := source.recv(65536):
                buffer += data
                out = b''
                while len(buffer) >= (5 if started else 8):
                    size = struct.unpack_from('>I', buffer, 1 if started else 0)[0] + (1 if started else 0)
                    if len(buffer) < size:
                        break
                    message, buffer = buffer[:size], buffer[size:]
                    if not started:
                        started = struct.unpack_from('>I', message, 4)[0] == STARTUP
                    if self.open.is_set():
                        passed = 0
                    elif passed >= self.statements:
                        self.held_bytes += len(message) + len(buffer)
                        sink.sendall(out)
                        out = b''
                        self.open.wait()
                    passed += message[:1] == b'E'  # Execute
                    out += message
                sink.sendall(out)
        except OSError:
            pass
        self.end(source, sink)

    def pump(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        self.end(source, sink)

    def end(self, *sockets):
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
