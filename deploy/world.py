"""A whole Holdfast on one machine: PostgreSQL, broker, simulated institutions, engines; for the demo, the tests and the bench.

Everything listens on 127.0.0.1 at free ports, lives below one folder and ends with the World. Python's standard library only.
"""
import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PG_BIN = next(iter(sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin'), reverse=True)), None)


BANK_CODES = {'BANKA': '102100000013', 'BANKB': '103100000026', 'BANKC': '402100000114', 'BANKE': '104100000004'}  # schemas/routing/bank_codes.csv


def bank_code(eleven):
    """With its check digit: ISO 7064 MOD 11,10."""
    product = 10
    for digit in eleven:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return f'{eleven}{(11 - product) % 10}'


def free_port():
    """Below those that the kernel gives to outgoing connections: none of these takes it before its server does."""
    while True:
        with socket.socket() as s:
            port = random.SystemRandom().randrange(12000, 32000)
            try:
                s.bind(('127.0.0.1', port))
                return port
            except OSError:
                continue


def wait_until(what, condition, seconds=30.0, every=0.02):
    """Polls; raises with `what` when the time is up. A condition that costs something is asked less often."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise TimeoutError(f'{what}: not within {seconds:.0f} s')
        time.sleep(every)


def as_postgres(folder):
    """PostgreSQL refuses to run as root: then its programs run as the user postgres, and own the folder."""
    if os.geteuid() != 0:
        return []
    subprocess.run(['chown', '-R', 'postgres', str(folder)], check=True)
    return ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--']

CARD_CODES = 'rN1=0301 rT1=0801 rX1=1399 rX2=1302 rX3=1303'  # banksim's own response codes
# dialect → the endpoint's scheme and what its row says beside the usual
SPOKEN = {'holdfast_json': ('https', {}),
          'platform_xml': ('tls', {'dialect': 'platform_xml', 'transport': 'tcp', 'swallows_duplicates': 'yes', 'profile': 'currency=RMB phone=13800000000'}),
          'iso20022': ('https', {'dialect': 'iso20022'}),
          'iso8583': ('tls', {'dialect': 'iso8583', 'transport': 'tcp', 'profile': f'binary=hex length=four_digits {CARD_CODES}'}),
          'iso8583_packed': ('tls', {'dialect': 'iso8583', 'transport': 'tcp', 'profile': f'encoding=bcd tpdu=6000030000 mac=x919 {CARD_CODES}'}),
          'platform_xml_drop': ('file', {'dialect': 'platform_xml', 'transport': 'filedrop', 'swallows_duplicates': 'yes', 'profile': 'side=platform charset=GBK phone=13800000000'}),
          'platform_xml_wallet': ('tls', {'dialect': 'platform_xml_wallet', 'transport': 'tcp', 'swallows_duplicates': 'yes', 'profile': 'company=Z00000000001 phone=13800000000'}),
          'holdfast_json_pull': ('kafka', {'dialect': 'holdfast_json', 'transport': 'kafka'}),
          'platform_xml_pull': ('kafka', {'dialect': 'platform_xml', 'transport': 'kafka', 'profile': 'currency=RMB phone=13800000000'}),
          'protobuf_kafka': ('kafka', {'dialect': 'protobuf_kafka', 'transport': 'kafka'}),
          'wallet_json': ('https', {'dialect': 'wallet_json'})}
SIGNED_ANSWERS = ('wallet_json', 'protobuf_kafka')


class World:
    def __init__(self, folder, build='release', broker='kafka', partitions=4, institutions=('BANKA',), on_spawn=None, dialects=None):
        self.dir = pathlib.Path(folder).resolve()
        self.bin = ROOT / 'build' / build / 'bin'
        self.broker_kind, self.partitions, self.codes = broker, partitions, list(institutions)
        self.dialects = dict(dialects or {})  # code → dialect; the others speak holdfast_json over HTTPS
        self.processes, self.on_spawn, self.settings = {}, on_spawn, {}
        self.dir.mkdir(parents=True, exist_ok=True)
        os.chmod(self.dir, 0o755)
        # key file → holder, unit, role; `officer` is the one that signs where nobody else is named
        self.officers = {'officer': ('officer 1', 'duty desk', 'officer'), 'second': ('officer 2', 'duty desk', 'officer'),
                         'leader': ('leader 1', 'duty desk', 'leader'), 'stranger': ('officer 9', 'other unit', 'officer')}
        self.postgres_more = ''  # lines for its configuration
        self.pg_tls = False  # PostgreSQL takes TLS and passwords only, and everybody checks whom it is
        self.commit_times = False  # PostgreSQL keeps when each transaction was committed: for the benchmark
        self.members, self.gates = {}, {}  # code → the algorithm that it signs with at the gate
        self.endpoints, self.control, self.extra_topics, self.banks_sync, self.script, self.registry_more, self.brokers = {}, {}, [], True, None, [], 'none'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # --- processes ---

    def spawn(self, name, command, **options):
        log = open(self.dir / f'{name}.log', 'ab')
        self.processes[name] = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=options.pop('stdout', log),
                                                stderr=log, start_new_session=True, **options)
        log.close()
        if self.on_spawn:
            self.on_spawn(self)
        return self.processes[name]

    def end(self, name, number=signal.SIGTERM, seconds=15):
        process = self.processes.pop(name, None)
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self):
        for name in [n for n in self.processes if n.startswith('engine')] + [n for n in self.processes if not n.startswith('engine')]:
            if name != 'postgres':
                self.end(name)
        self.stop_postgres()
        self.look_for_reports()

    def look_for_reports(self):
        """What a sanitizer wrote when its program was already ending, where nobody waited for its exit code."""
        for log in self.dir.glob('*.log'):
            for line in log.read_text(errors='replace').splitlines():
                leak = 'ERROR: LeakSanitizer' in line and not log.name.startswith('banks')  # a bank that resets leaves libevent's requests behind
                if leak or 'ERROR: AddressSanitizer' in line or ': runtime error: ' in line:
                    raise RuntimeError(f'{log}: {line}')

    def alive(self, name):
        return name in self.processes and self.processes[name].poll() is None

    # --- PostgreSQL ---

    def start_postgres(self, fsync=True):
        data = self.dir / 'postgres'
        first = not (data / 'PG_VERSION').exists()
        data.mkdir(exist_ok=True)
        run_as = as_postgres(data)
        if first:
            secret = self.make_passwords() if self.pg_tls else []
            subprocess.run(run_as + [PG_BIN / 'initdb', '-D', data, '-U', 'holdfast', '-A', 'scram-sha-256' if secret else 'trust', '-E', 'UTF8', '--locale=C.UTF-8', *secret],
                           check=True, stdout=subprocess.DEVNULL, cwd='/')
            if secret:
                self.demand_tls(data)
        self.pg_port = getattr(self, 'pg_port', None) or free_port()
        with open(data / 'holdfast.conf', 'w') as out:
            out.write(f"listen_addresses = '127.0.0.1'\nport = {self.pg_port}\nunix_socket_directories = ''\nmax_connections = 50\n"
                      f"shared_buffers = 128MB\nmax_wal_size = 2GB\njit = off\nfsync = {'on' if fsync else 'off'}\nmax_wal_senders = 0\n"
                      f"track_commit_timestamp = {'on' if self.commit_times else 'off'}\n"
                      f"wal_level = minimal\nwal_compression = lz4\nlog_min_messages = warning\nlog_destination = stderr\n{self.postgres_more}")
        if first:
            with open(data / 'postgresql.conf', 'a') as out:
                out.write("include 'holdfast.conf'\n")
        as_postgres(data)
        # The record is not on the way from a report to the wire: its vacuum must not hold up a stop that shares its cores.
        self.spawn('postgres', run_as + ['nice', '-n', '10', PG_BIN / 'postgres', '-D', data], cwd='/')
        self.conninfo = f'host=127.0.0.1 port={self.pg_port} user=holdfast dbname=holdfast'
        if self.pg_tls:
            self.conninfo += f" sslmode=verify-full sslrootcert={self.dir / 'tls/ca.pem'} channel_binding=require passfile={self.dir / 'tls/passwords'}"
        ready = [PG_BIN / 'pg_isready', '-q', '-h', '127.0.0.1', '-p', str(self.pg_port)]
        wait_until('PostgreSQL', lambda: subprocess.run(ready).returncode == 0, 60)
        if first:
            subprocess.run([PG_BIN / 'createdb', '--maintenance-db', self.conninfo.replace('dbname=holdfast', 'dbname=postgres'), 'holdfast'], check=True)

    LOGINS = ('engine', 'officer', 'auditor', 'console', 'gate', 'keeper')

    def make_passwords(self):
        """One for each log-in; initdb's argument."""
        self.make_keys()
        tls = self.dir / 'tls'
        self.passwords = {login: os.urandom(12).hex() for login in ('holdfast', *self.LOGINS)}
        (tls / 'passwords').write_text(''.join(f'127.0.0.1:*:*:{login}:{password}\n' for login, password in self.passwords.items()))
        (tls / 'passwords').chmod(0o600)
        (self.dir / 'postgres-password').write_text(self.passwords['holdfast'])
        return ['--pwfile', self.dir / 'postgres-password']

    def demand_tls(self, data):
        for name in ('pem', 'key'):
            shutil.copy(self.dir / f'tls/bank.{name}', data / f'server.{name}')  # a certificate of 127.0.0.1
        (data / 'server.key').chmod(0o600)
        (data / 'pg_hba.conf').write_text('hostssl all all 127.0.0.1/32 scram-sha-256\n')
        with open(data / 'postgresql.conf', 'a') as out:
            out.write("ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\nssl_min_protocol_version = 'TLSv1.3'\n")

    def conninfo_of(self, login):
        return self.conninfo.replace('user=holdfast', f'user={login}')

    def make_logins(self):
        """Members of the migration's roles: nothing but the migration itself runs as a superuser."""
        for role in self.LOGINS:
            secret = f" password '{self.passwords[role]}'" if self.pg_tls else ''
            self.sql(f"do $$ begin if not exists (select from pg_roles where rolname = '{role}') then create role {role} login{secret} in role holdfast_{role}; end if; end $$")

    def stop_postgres(self, number=signal.SIGINT):
        self.end('postgres', number, 30)  # SIGINT: fast shutdown; SIGQUIT: immediate

    def sql(self, text, *, one=False):
        out = subprocess.run([PG_BIN / 'psql', self.conninfo, '-qAtX', '-F', '\t', '-c', text], check=True, capture_output=True, text=True).stdout
        rows = [line.split('\t') for line in out.splitlines()]
        return rows[0][0] if one and rows else None if one else rows

    # --- Kafka ---

    def start_broker(self, facts='holdfast.facts'):
        topics = ['holdfast.reports', 'holdfast.answers', facts, 'holdfast.alerts', 'holdfast.quarantine', *self.extra_topics,
                  *(f'orders.{c}' for c in self.codes if SPOKEN[self.dialects.get(c, 'holdfast_json')][0] == 'kafka')]
        if self.broker_kind == 'dev':
            process = self.spawn('broker', [self.bin / 'devbroker', self.partitions, *topics], stdout=subprocess.PIPE)
            self.brokers = process.stdout.readline().decode().strip()
            if not self.brokers:
                raise RuntimeError('devbroker did not start: see broker.log')
            return
        self.kafka_port = getattr(self, 'kafka_port', None) or free_port()
        self.brokers = f'127.0.0.1:{self.kafka_port}'
        environment = dict(os.environ, KAFKA_DIR=str(self.dir / 'kafka'), KAFKA_PORT=str(self.kafka_port))
        self.spawn('broker', [ROOT / 'deploy/kafka', 'run'], env=environment)
        subprocess.run([ROOT / 'deploy/kafka', 'topics', str(self.partitions), *topics], check=True, env=environment, stdout=subprocess.DEVNULL)

    # --- certificates, keys ---

    def make_keys(self):
        tls = self.dir / 'tls'
        if (tls / 'bank.pem').exists():
            return
        tls.mkdir(exist_ok=True)

        def openssl(*arguments):
            subprocess.run(['openssl', *map(str, arguments)], check=True, cwd=tls, capture_output=True)
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365', '-subj', '/CN=Holdfast demo CA',
                '-keyout', 'ca.key', '-out', 'ca.pem')
        for name, subject in (('centre', '/CN=centre'), ('bank', '/CN=bank')):
            openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', subject, '-keyout', f'{name}.key', '-out', f'{name}.csr')
            (tls / 'san').write_text('subjectAltName=IP:127.0.0.1,DNS:localhost\n')
            openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '365', '-extfile', 'san', '-out', f'{name}.pem')
        self.ids = {}
        for name, algorithm in (('root', 'ed25519'), *((name, 'ed25519') for name in self.officers), ('orders', 'ecdsa-p256'), ('answers', 'sm2-sm3'), ('auditor', 'ed25519'), ('keeper', 'ed25519'), ('audit', 'ed25519'), ('audit-sm2', 'sm2-sm3'), ('witness', 'ed25519')):
            self.keygen(name, algorithm)
        subprocess.run([self.bin / 'holdfast', 'personal', 'new', tls / 'personal.keys'], check=True)
        for code in self.members:
            self.member(code, openssl)
        for name in list(self.answer_keys().values())[1:]:
            self.keygen(name, 'ed25519')
        for code in (c for c in self.codes if self.dialects.get(c) == 'iso8583_packed'):
            self.mac_key(code, os.urandom(16).hex())

    def member(self, code, openssl):
        """An institution that comes to the gate: its client certificate, and the key that it signs with."""
        tls = self.dir / 'tls'
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', f'/CN={code}', '-keyout', f'{code}.key', '-out', f'{code}.csr')
        openssl('x509', '-req', '-in', f'{code}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '365', '-out', f'{code}.pem')
        if not (tls / f'member-{code}.id').exists():
            self.keygen(f'member-{code}', self.members[code])

    def start_gate(self, name='gate', *options, wait=True):
        tls, ports = self.dir / 'tls', self.gates.get(name) or [free_port(), free_port()]
        self.spawn(name, [self.bin / 'holdfast-gate', '--listen', f'127.0.0.1:{ports[0]}', '--status', f'127.0.0.1:{ports[1]}', '--cert', tls / 'bank.pem', '--key', tls / 'bank.key', '--ca', tls / 'ca.pem',
                          '--brokers', self.brokers, '--conninfo', self.conninfo_of('gate'), *options])
        self.gates[name] = ports

        def ready():
            if not self.alive(name):
                raise RuntimeError(f'{name} ended: see {self.dir}/{name}.log')
            with contextlib.suppress(OSError):
                return urllib.request.urlopen(f'http://127.0.0.1:{ports[1]}/readyz', timeout=2).status == 200
        if wait:
            wait_until(f'{name} ready', ready)

    def answer_keys(self):
        """Of those whose answers are signed: the first has `answers`, any other its own."""
        signed = [c for c in self.codes if self.dialects.get(c) in SIGNED_ANSWERS]
        return {code: 'answers' if i == 0 else f'answers-{code}' for i, code in enumerate(signed)}

    def mac_key(self, code, *keys):
        """Shared by the centre and the institution: the first is used, a second accepted too."""
        for side in ('', 'banks/'):
            self.mac_key_of(side, code, *keys)

    def mac_key_of(self, side, code, *keys):
        file = self.dir / 'tls' / f'{side}{code}.mac'
        file.parent.mkdir(exist_ok=True)
        file.write_text(''.join(f'{key}\n' for key in keys))
        file.chmod(0o600)

    def keygen(self, name, algorithm):
        out = subprocess.run([self.bin / 'holdfast', 'keygen', self.dir / 'tls' / name, algorithm], check=True, capture_output=True, text=True)
        (self.dir / 'tls' / f'{name}.id').write_text(out.stdout.strip())
        return out.stdout.strip()

    def note_key(self, name='audit'):
        """The public key that checkpoints must be signed with, as the auditor has it."""
        return subprocess.run([self.bin / 'holdfast', 'audit', 'key', self.dir / 'tls' / f'{name}.pub.pem'], check=True, capture_output=True, text=True).stdout.strip()

    def start_witness(self):
        """Somebody else's, with its own key; the CLI's configurations name it from now on."""
        folder = self.dir / 'witness'
        (folder / 'port').unlink(missing_ok=True)
        self.spawn('witness', [self.bin / 'holdfast-witness', '--dir', folder, '--key', self.dir / 'tls' / 'witness.key.pem', '--name', 'witness.example', '--centre', self.note_key()])
        wait_until('the witness listens', (folder / 'port').exists)
        key = subprocess.run([self.bin / 'holdfast', 'audit', 'key', self.dir / 'tls' / 'witness.pub.pem', '--name', 'witness.example', '--mode', 'witness'], check=True, capture_output=True,
                             text=True).stdout.strip()
        self.witness = f'127.0.0.1:{(folder / "port").read_text().strip()}'
        for who in (*self.officers, 'root', 'auditor'):
            file = self.dir / f'{who}.yaml'
            lines = [line for line in file.read_text().splitlines() if not line.startswith('witness')]
            file.write_text('\n'.join([*lines, f'witness: "{self.witness}"', f'witness_key: "{key}"']) + '\n')

    def key_id(self, name):
        return (self.dir / 'tls' / f'{name}.id').read_text()

    # --- institutions ---

    def start_banks(self, name='banks', codes=None, verify=True, fixed=True):
        codes = [c for c in codes or self.codes if not self.dialects.get(c, '').endswith('_pull')]  # those come by themselves
        folder = self.dir / name
        folder.mkdir(exist_ok=True)
        (self.dir / 'drop').mkdir(exist_ok=True)
        (folder / 'endpoints').unlink(missing_ok=True)
        tls = self.dir / 'tls'
        spoken = {c: f'{c}:{self.dialects[c]}' if c in self.dialects else c for c in codes}
        wanted = [f'{spoken[c]}={self.endpoints[c]}' if fixed and c in self.endpoints else spoken[c] for c in codes]
        self.spawn(name, ['nice', '-n', '5', self.bin / 'banksim', '--dir', folder, '--cert', tls / 'bank.pem', '--key', tls / 'bank.key', '--ca', tls / 'ca.pem', '--control', '--answer-key', tls / 'answers.key.pem',
                          *(a for c, n in self.answer_keys().items() for a in ('--answer-key', f'{c}={tls / n}.key.pem') if n != 'answers'), '--mac-keys', tls / 'banks', '--brokers', self.brokers, '--drop', self.dir / 'drop',
                          *([] if self.banks_sync else ['--no-sync']), *(['--script', self.script] if self.script else []),
                          *(a for key in ('orders', 'next') if verify and (tls / f'{key}.pub.pem').exists() for a in ('--centre-key', tls / f'{key}.pub.pem')), *wanted])
        wait_until(f'banksim {name}', (folder / 'endpoints').exists)
        for line in (folder / 'endpoints').read_text().splitlines():
            code, port = line.split()
            if code == 'control':
                self.control[name] = int(port)
            else:
                self.endpoints[code] = int(port)

    def fault(self, code, kind, ms=0, name='banks'):
        urllib.request.urlopen(f'http://127.0.0.1:{self.control[name]}/fault?code={code}&kind={kind}&ms={ms}', timeout=5).close()

    def clock(self, ahead_s, name='banks'):
        urllib.request.urlopen(f'http://127.0.0.1:{self.control[name]}/clock?ahead_s={ahead_s}', timeout=5).close()

    def pay(self, code, number, row, name='banks'):
        import json
        body = json.dumps({'code': code, 'number': number, 'row': row}).encode()
        urllib.request.urlopen(f'http://127.0.0.1:{self.control[name]}/pay', body, timeout=5).close()

    def ledger(self, code, name='banks'):
        import json
        rows = []
        for line in (self.dir / name / f'{code}.ledger').read_text().splitlines():
            with contextlib.suppress(ValueError):
                rows.append(json.loads(line))
        return rows

    # --- engine ---

    def write_config(self, instance='engine-1'):
        tls = self.dir / 'tls'
        port = free_port()
        values = {'kafka.brokers': self.brokers, 'kafka.fetch_wait_ms': 5 if self.broker_kind == 'dev' else 100, 'postgres.conninfo': self.conninfo_of('engine'),
                  'engine.instance': instance, 'engine.signing_key': tls / 'orders.key.pem', 'engine.root_keys': tls / 'root.pub.pem', 'engine.mac_keys': tls, 'filedrop.root': self.dir / 'drop',
                  'personal.keys': tls / 'personal.keys', 'audit.key': tls / 'audit.key.pem', 'audit.sm2_key': tls / 'audit-sm2.key.pem',
                  'tls.certificate': tls / 'centre.pem', 'tls.key': tls / 'centre.key', 'tls.ca': tls / 'ca.pem', 'http.listen': f'127.0.0.1:{port}'}
        values.update(self.settings)
        file = self.dir / f'{instance}.yaml'
        sections = {}
        for key, value in values.items():
            section, name = key.split('.')
            sections.setdefault(section, []).append(f'  {name}: "{value}"\n')
        file.write_text(''.join(f'{s}:\n{"".join(lines)}' for s, lines in sections.items()))
        note_key = self.note_key()
        for who in (*self.officers, 'root', 'auditor', 'keeper'):
            login = {'root': 'holdfast', 'auditor': 'auditor', 'keeper': 'keeper'}.get(who, 'officer')
            key = tls / f'{who}.key.pem'
            (self.dir / f'{who}.yaml').write_text(f'brokers: "{self.brokers}"\nconninfo: "{self.conninfo_of(login)}"\nkey: "{key}"\nhttp: "127.0.0.1:{port}"\nrouting: "{ROOT / "schemas/routing"}"\n'
                                                f'audit_key: "{note_key}"\ncheckpoints: "{self.dir / "checkpoints"}"\npersonal_keys: "{tls / "personal.keys"}"\n'
                                                f'tls_certificate: "{tls / "centre.pem"}"\ntls_key: "{tls / "centre.key"}"\ntls_ca: "{tls / "ca.pem"}"\n')
        self.http = getattr(self, 'http', {})
        self.http[instance] = port
        return file

    def start_engine(self, instance='engine-1', wait=True):
        self.spawn(instance, [self.bin / 'holdfastd', self.dir / f'{instance}.yaml'])
        if wait:
            self.wait_ready(instance)

    def wait_ready(self, instance='engine-1', seconds=60):
        def ready():
            if not self.alive(instance):
                raise RuntimeError(f'{instance} ended: see {self.dir}/{instance}.log')
            with contextlib.suppress(OSError):
                return urllib.request.urlopen(f'http://127.0.0.1:{self.http[instance]}/readyz', timeout=2).status == 200
        wait_until(f'{instance} ready', ready, seconds)

    def metrics(self, instance='engine-1'):
        text = urllib.request.urlopen(f'http://127.0.0.1:{self.http[instance]}/metrics', timeout=5).read().decode()
        return {line.rsplit(' ', 1)[0]: float(line.rsplit(' ', 1)[1]) for line in text.splitlines() if line and line[0] != '#'}

    def holdfast(self, *arguments, who=None, check=True, **options):
        who = who or ('auditor' if arguments[0] == 'audit' else 'officer')
        command = [str(self.bin / 'holdfast'), '--config', str(self.dir / f'{who}.yaml'), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f'{" ".join(command)}: exit {done.returncode}: {done.stderr.strip()}')
        return done

    def place(self, scheme, code):
        return {'kafka': f'orders.{code}', 'file': code}.get(scheme) or f'127.0.0.1:{self.endpoints[code]}'

    def write_registry(self, names=None, **row):
        lines = ['institutions:\n']
        for code in self.codes:
            values = {'window': 32, 'connections': 4, 'try_timeout_ms': 3000, 'sla_feedback_ms': 60000, **row}
            kind = 'yes' if code.startswith('PAY') else 'no'
            if code.startswith('TELCO'):
                values = {**values, 'carrier': 'yes'}
            scheme, own = SPOKEN[self.dialects.get(code, 'holdfast_json')]
            values = {**values, **own}
            ends = f'{time.gmtime().tm_year + 1}-12-31'
            values = {'contact_a': f'"{code} day desk; +86-539-1000{self.codes.index(code):02d}; 08-20; {ends}"', 'contact_b': f'"{code} night desk; +86-539-2000{self.codes.index(code):02d}; 20-08; {ends}"', **values}
            if code in BANK_CODES or own.get('dialect') == 'platform_xml':
                values = {**values, 'bank_code': f'"{BANK_CODES.get(code) or bank_code(f"1099{self.codes.index(code):07d}")}"'}
            lines.append(f'  - code: {code}\n    name: "{(names or {}).get(code, code)}"\n    payment_company: {kind}\n'
                         f'    endpoint: "{scheme}://{self.place(scheme, code)}"\n' + ''.join(f'    {k}: {v}\n' for k, v in values.items()))
        lines.append('keys:\n')
        for name, (holder, unit, role) in self.officers.items():
            lines.append(f'  - holder: "{holder}"\n    unit: "{unit}"\n    role: {role}\n    public_key: tls/{name}.pub.pem\n')
        for name in ('auditor', 'keeper'):
            lines.append(f'  - holder: "{name} 1"\n    unit: "{name}s"\n    role: auditor\n    public_key: tls/{name}.pub.pem\n')
        for code, name in self.answer_keys().items():
            lines.append(f'  - holder: {code}\n    role: institution\n    public_key: tls/{name}.pub.pem\n')
        for code in self.members:
            lines.append(f'  - holder: {code}\n    role: institution\n    public_key: tls/member-{code}.pub.pem\n')
        lines += self.registry_more
        (self.dir / 'registry.yaml').write_text(''.join(lines))

    def start(self, verify=True, fsync=True, **row):
        """Everything, up to an engine that is ready and a registry that is applied."""
        if not self.alive('postgres'):
            self.start_postgres(fsync)
        self.make_keys()
        self.start_broker()
        self.start_banks(verify=verify)
        self.write_config()
        self.holdfast('migrate', who='root')
        self.make_logins()
        self.start_engine()
        self.write_registry(**row)
        self.holdfast('registry', 'apply', self.dir / 'registry.yaml', who='root')
        self.wait_warm()

    def wait_warm(self, instance='engine-1'):
        def warm():
            values = self.metrics(instance)
            return all(values.get(f'holdfast_lane_connections{{institution="{c}"}}', 0) >= 1 for c in self.codes)
        wait_until('connections to all institutions', warm, 30)
