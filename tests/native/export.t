#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The exporter as a service: HTTP and who misuses it, the text file, privileges, the end, a reverse proxy, the systemd unit, what it costs."""

import atexit
import contextlib
import http.client
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(TOP, "tests/lib"))
import exporter  # noqa: E402
import storage  # noqa: E402
import tool  # noqa: E402
from exporter import Exporter, Scrape  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

CONNECTIONS = 64                # of tools/export/http.h
REQUEST_SECONDS = 15
SCRAPES = 24 * 3600 // 15
SCRAPE_MS = 10
TEXT, OPEN = "text/plain; version=0.0.4; charset=utf-8", "application/openmetrics-text; version=1.0.0; charset=utf-8"
ACCEPT = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


def ask(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def send(port, data, wait=20):
    """What comes back for these bytes until the server closes, or nothing more comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as stream:
        got = b""
        with contextlib.suppress(OSError):
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while True:
                part = stream.recv(65536)
                if not part:
                    break
                got += part
        return got


def status_of(answer):
    found = re.match(rb"HTTP/1\.[01] (\d+) ", answer)
    return int(found[1]) if found else None


def answers(t, export, name):
    """Whether it answers, at once."""
    begin = time.monotonic()
    scrape = export.scrape()
    took = time.monotonic() - begin
    return t.ok(scrape.sum("iomapscope_scrapes_total") >= 0 and took < 2, f"{name}: others get their answer at once", f"{took:.2f} s")


def cpu_seconds(export):
    with open(f"/proc/{export.process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(export):
    with open(f"/proc/{export.process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def descriptors(export):
    return len(os.listdir(f"/proc/{export.process.pid}/fd"))


def check_answers(t, export):
    port = export.port
    status, headers, body = ask(port, "GET", "/metrics")
    t.equal((status, headers["Content-Type"], int(headers["Content-Length"])), (200, TEXT, len(body)), "GET /metrics")
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True)
        t.equal((done.returncode, done.stdout + done.stderr), (0, b""), "promtool check metrics is clean")
    else:
        t.skip("promtool check metrics is clean", "promtool is not installed")
    t.ok(b"# EOF" not in body and b"# UNIT" not in body, "the text format has nothing of OpenMetrics")
    status, headers, body = ask(port, "GET", "/metrics", headers={"Accept": ACCEPT})
    t.ok((status, headers["Content-Type"]) == (200, OPEN) and body.endswith(b"\n# EOF\n"), "OpenMetrics, if it is asked for", headers)
    status, headers, body = ask(port, "HEAD", "/metrics")
    t.ok((status, body) == (200, b"") and int(headers["Content-Length"]) > 1000, "HEAD has no body, and says how long it would be", headers)
    t.equal(ask(port, "GET", "/metrics?debug=1")[0], 200, "a query is not minded")
    status, headers, body = ask(port, "GET", "/")
    t.ok(status == 200 and headers["Content-Type"].startswith("text/html") and b'href="/metrics"' in body, "the landing page", body)
    t.equal(ask(port, "GET", "/-/healthy")[::2], (200, b"ok\n"), "it is healthy")
    t.equal([ask(port, "GET", path)[0] for path in ("/metric", "/metrics/", "/%2e%2e/etc/passwd", "/-/ready")], [404] * 4, "nothing else is there")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        status, headers, body = ask(port, method, "/metrics", b"x" if method in ("POST", "PUT", "PATCH") else None)
        t.equal((status, headers.get("Allow")), (405, "GET, HEAD"), f"{method}: wrong method")
    got = send(port, b"BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    t.ok(status_of(got) in (400, 405, 501), "a method that there is not", got[:200])
    t.equal(status_of(send(port, b"GET /metrics HTTP/1.0\r\n\r\n")), 200, "HTTP/1.0")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    counts = []
    for _ in range(3):
        connection.request("GET", "/metrics")
        counts.append(Scrape(connection.getresponse().read().decode()).sum("iomapscope_scrapes_total"))
    connection.close()
    t.ok(counts[1] == counts[0] + 1 and counts[2] == counts[0] + 2, "a connection is kept, and each scrape counted", counts)


def check_bad_requests(t, export):
    port = export.port
    for name, data, statuses in (
            ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n", (400, None)),
            ("an empty line", b"\r\n\r\n", (400, None)),
            ("another version", b"GET /metrics HTTP/9.9\r\n\r\n", (200, 400, 505, None)),
            ("a header without a colon", b"GET /metrics HTTP/1.1\r\nnothing\r\n\r\n", (400, None)),
            ("a long request line", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n", (400, 413, 414, None)),
            ("a long header", b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 20000 + b"\r\n\r\n", (400, 413, 431, None)),
            ("many headers", b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", (400, 413, 431, None)),
            ("a body beyond the bound", b"POST /metrics HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n" + b"x" * 9000, (413,)),
            ("a body in chunks without an end", b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n1000\r\n" +
             b"x" * 4096, (400, 413, None)),
            ("a length that is none", b"POST /metrics HTTP/1.1\r\nContent-Length: -5\r\n\r\n", (400, 405, 413, None))):
        got = send(port, data)
        t.ok(status_of(got) in statuses, f"{name}: refused", got[:200])
    t.ok(export.process.poll() is None, "it is there still", export.stderr())
    answers(t, export, "after these")


def check_slow(t, export):
    """Clients that say nothing, or a byte now and then, or do not read, keep nobody waiting, and are given up after a while."""
    port = export.port
    silent = socket.create_connection(("127.0.0.1", port))
    begin = time.monotonic()
    trickle = socket.create_connection(("127.0.0.1", port))
    trickle.sendall(b"GET /metrics HTTP/1.1\r\n")
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.connect(("127.0.0.1", port))
    deaf.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" * 3)
    answers(t, export, "with slow clients")
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    kept.request("GET", "/metrics")
    kept.getresponse().read()
    first_socket = kept.sock
    closed = {}
    cpu = cpu_seconds(export)
    while len(closed) < 2 and time.monotonic() - begin < REQUEST_SECONDS + 10:
        with contextlib.suppress(OSError):
            trickle.sendall(b"X")
        for name, stream in (("silent", silent), ("trickle", trickle)):
            stream.settimeout(0.2)
            with contextlib.suppress(socket.timeout):
                try:
                    data = stream.recv(4096)
                except ConnectionError:
                    data = b""
                if not data and name not in closed:
                    closed[name] = time.monotonic() - begin
        time.sleep(0.3)
    t.ok(set(closed) == {"silent", "trickle"} and max(closed.values()) < REQUEST_SECONDS + 5, "a request that does not come to its end is given up",
         closed)
    t.ok(cpu_seconds(export) - cpu < 1, "waiting costs nothing", cpu_seconds(export) - cpu)
    kept.request("GET", "/metrics")
    t.ok(kept.getresponse().status == 200 and kept.sock is first_socket, "a scraper's connection is kept meanwhile")
    kept.close()
    for stream in (silent, trickle, deaf):
        stream.close()


def check_flood(t, export):
    """1,000 connections: the excess is closed at once, and counted; who is connected stays so."""
    kept = http.client.HTTPConnection("127.0.0.1", export.port, timeout=20)
    kept.request("GET", "/metrics")
    before = Scrape(kept.getresponse().read().decode())
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    cpu, streams = cpu_seconds(export), []
    for _ in range(1000):
        stream = socket.socket()
        stream.settimeout(10)
        stream.connect(("127.0.0.1", export.port))
        streams.append(stream)
    time.sleep(0.5)
    most = descriptors(export)
    kept.request("GET", "/metrics")
    during = Scrape(kept.getresponse().read().decode())
    refused = during.sum("iomapscope_connections_refused_total") - before.sum("iomapscope_connections_refused_total")
    t.ok(during.sum("iomapscope_connections") <= CONNECTIONS, "as many are open as may be", during.sum("iomapscope_connections"))
    t.equal(refused, 1000 - (CONNECTIONS - before.sum("iomapscope_connections")), "the others were closed at once, and counted")
    gone = 0
    for stream in streams:
        stream.setblocking(False)
        try:
            gone += stream.recv(1) == b""
        except BlockingIOError:
            pass
        except ConnectionError:
            gone += 1
    t.equal(gone, refused, "who was refused knows")
    t.ok(most <= during.sum("process_open_fds") + CONNECTIONS + 10, "descriptors are bounded", most)
    t.ok(cpu_seconds(export) - cpu < 2, "and so is the time that it takes", cpu_seconds(export) - cpu)
    for stream in streams:
        stream.close()
    kept.close()
    answers(t, export, "after 1,000 connections")


def check_descriptors(t, work):
    """Without descriptors for more connections it does not run in circles, and goes on when there are some."""
    with Exporter(work, "--observers", "lookups") as export:
        used = descriptors(export)
        resource.prlimit(export.process.pid, resource.RLIMIT_NOFILE, (used + 4, used + 4))
        streams = [socket.create_connection(("127.0.0.1", export.port)) for _ in range(40)]
        cpu = cpu_seconds(export)
        time.sleep(2)
        t.ok(cpu_seconds(export) - cpu < 0.3, "no descriptor is left: it waits", cpu_seconds(export) - cpu)
        t.ok(export.process.poll() is None, "and lives", export.stderr())
        for stream in streams:
            stream.close()
        scrape = None
        for _ in range(50):
            with contextlib.suppress(OSError, urllib.error.URLError, http.client.HTTPException):
                scrape = export.scrape()
                break
            time.sleep(0.1)
        t.ok(scrape and scrape.sum("iomapscope_connections_refused_total") > 0, "when there are some it answers, and has counted")
        t.equal(export.stop().status, 0, "and ends in order")


def check_lifetime(t, export):
    """24 hours' worth of scrapes: no memory, descriptor or series more than at first."""
    connection = http.client.HTTPConnection("127.0.0.1", export.port, timeout=20)

    def scrape(accept=TEXT):
        connection.request("GET", "/metrics", headers={"Accept": accept})
        return connection.getresponse().read().decode()

    # Other devices may come and go on this machine meanwhile: the exporter's own series do not.
    def own(text):
        return len(re.findall(r"^(?:iomapscope|process)_", text, re.M))

    for _ in range(100):
        first = scrape()
    memory, fds, start, cpu = memory_kb(export), descriptors(export), time.monotonic(), cpu_seconds(export)
    for i in range(SCRAPES):
        # Most keep their connection, some do not.
        if i % 10 == 0:
            connection.close()
        last = scrape(ACCEPT if i % 2 else TEXT)
    last = scrape()
    took, cpu = time.monotonic() - start, cpu_seconds(export) - cpu
    connection.close()
    t.diag(f"{SCRAPES} scrapes in {took:.1f} s, {cpu / SCRAPES * 1000:.2f} ms of CPU each; {memory_kb(export)} kB, at first {memory} kB")
    t.equal(Scrape(last).sum("iomapscope_scrapes_total") - Scrape(first).sum("iomapscope_scrapes_total"), SCRAPES + 1, "24 hours' worth of scrapes")
    t.ok(memory_kb(export) - memory < 512, "no more memory than before", (memory, memory_kb(export)))
    t.ok(descriptors(export) <= fds, "nor descriptors", (fds, descriptors(export)))
    t.equal(Scrape(last).sum("iomapscope_connections"), 1, "nor connections")
    t.equal(own(last), own(first), "nor series")


def check_restart(t, work):
    with Exporter(work, "--observers", "lookups") as export:
        first = export.scrape().sum("iomapscope_start_time_seconds")
        t.equal(export.stop(signal.SIGINT).status, 0, "SIGINT ends it in order", export.stderr())
    t.ok(abs(first - time.time()) < 60, "it tells when it was started", first)
    with Exporter(work, "--observers", "lookups") as export:
        again = export.scrape()
        t.ok(again.sum("iomapscope_start_time_seconds") > first, "and a restart shows", (again.sum("iomapscope_start_time_seconds"), first))
        t.equal(again.sum("iomapscope_scrapes_total"), 0, "counters begin at 0 then")
        port = str(export.port)
        done = tool.run("export", "--listen", f"127.0.0.1:{port}")
        t.equal((done.returncode, done.stderr), (1, "iomapscope: cannot listen there: Address already in use; see --listen\n"), "a port that is taken")


def check_choice(t, work):
    with Exporter(work, "--observers", "lookups,dmio") as export:
        sources = {labels["observer"] for labels, _ in export.scrape().of("iomapscope_source_attached")}
        t.equal(sources, {"lookups", "dmio"}, "--observers")
    missing = [observer for observer in ("aio", "dmio", "ioends") if not tool.usable_sources(observer)]
    if missing:
        done = tool.run("export", "--listen", "127.0.0.1:0", "--observers", missing[0])
        t.ok(done.returncode == 4 and done.stderr.count("\n") == 2 and "no source for any of the observers" in done.stderr,
             "without any source it says so, and ends", done.stderr)
        with Exporter(work) as export:
            samples = {labels["observer"]: (labels["source"], value) for labels, value in export.scrape().of("iomapscope_source_attached")}
            t.equal(samples[missing[0]], ("none", 0), "one without a source is told of")
            t.equal(export.stderr().count(f"iomapscope: export: no {missing[0]}: "), 1, "once")
    else:
        t.skip("one without a source", "this kernel has sources for all")
    with Exporter(work, "--observers", "lookups", listen="0.0.0.0:0") as export:
        t.ok("anybody who reaches this address" in export.stderr(), "an address that is not loopback's is warned about", export.stderr())
    if os.path.exists("/proc/net/if_inet6"):
        with Exporter(work, "--observers", "lookups", listen="[::1]:0") as export:
            t.ok(export.url.startswith("http://[::1]:") and export.get("-/healthy")[0] == "ok\n", "IPv6")
    else:
        t.skip("IPv6", "there is none")


def check_notify(t, work):
    path = os.path.join(work, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(tool.PATIENCE)
        with Exporter(work, "--observers", "lookups", env={"NOTIFY_SOCKET": path}) as export:
            t.equal(listener.recv(100), b"READY=1", "systemd is told when it is ready")
            export.stop()
            t.equal(listener.recv(100), b"STOPPING=1", "and when it ends")


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def check_textfile(t, work):
    directory = os.path.join(work, "textfile")
    os.mkdir(directory)
    path = os.path.join(directory, "iomapscope.prom")
    with Exporter(work, "--observers", "lookups", "--textfile", directory, "--interval", "1s", listen=None) as export:
        t.ok(wait_for(lambda: os.path.exists(path)), "--textfile: the file is there", export.stderr())
        numbers, partial, names = set(), 0, set()
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            with open(path) as file:
                text = file.read()
            partial += not text.startswith("# HELP ") or "iomapscope_connections_refused_total " not in text or not text.endswith("\n")
            numbers.add(os.stat(path).st_ino)
            names.update(os.listdir(directory))
        t.ok(len(numbers) >= 3 and not partial, "--interval: another one each second, and complete at any time", (len(numbers), partial))
        t.ok(names <= {"iomapscope.prom", "iomapscope.prom.new"}, "no other name is left", names)
        t.ok(Scrape(text).sum("iomapscope_scrapes_total") >= 2, "it has the metrics")
        t.ok("process_" not in text and Scrape(text).sum("iomapscope_start_time_seconds") > 1e9, "but for those that node_exporter has of itself")
        t.equal(oct(os.stat(path).st_mode & 0o777), "0o644", "others can read it")
        if shutil.which("promtool"):
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            t.equal((checked.returncode, checked.stderr), (0, ""), "promtool has no word about it")
        else:
            t.skip("promtool has no word about it", "promtool is not installed")
        t.equal(export.stderr().count("http"), 0, "it does not listen then", export.stderr())
        os.rename(directory, directory + ".away")
        t.ok(wait_for(lambda: "it is tried again" in export.stderr()), "the directory vanishes: it says so", export.stderr())
        time.sleep(2.5)
        t.equal(export.stderr().count("cannot write"), 1, "once", export.stderr())
        os.rename(directory + ".away", directory)
        before = os.stat(path).st_ino
        t.ok(wait_for(lambda: os.path.exists(path) and os.stat(path).st_ino != before), "it comes back, and is written again", export.stderr())
        t.ok(wait_for(lambda: "is written again" in export.stderr()), "and says so", export.stderr())
        with open(path) as file:
            t.ok(Scrape(file.read()).sum("iomapscope_scrape_errors_total") >= 2, "failures are counted")
        t.equal(export.stop().status, 0, "it ends in order")
    check_foreign_directory(t)
    small = os.path.join(work, "small")
    os.mkdir(small)
    storage.command("mount", "-t", "tmpfs", "-o", "size=64k", "none", small)
    try:
        path = os.path.join(small, "iomapscope.prom")
        with Exporter(work, "--observers", "lookups", "--textfile", small, "--interval", "1s", listen=None) as export:
            t.ok(wait_for(lambda: os.path.exists(path)), "a small disk: the file is there", export.stderr())
            with contextlib.suppress(OSError), open(os.path.join(small, "ballast"), "wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            t.ok(wait_for(lambda: "No space left on device" in export.stderr()), "a full disk is told of", export.stderr())
            with open(path) as file:
                t.ok("iomapscope_connections_refused_total " in file.read(), "the file stays as it was")
            t.equal(os.listdir(small).count("iomapscope.prom.new"), 0, "what was begun is removed")
            os.unlink(os.path.join(small, "ballast"))
            t.ok(wait_for(lambda: "is written again" in export.stderr()), "and it goes on when there is room", export.stderr())
    finally:
        storage.command("umount", "-l", small)


def check_foreign_directory(t):
    """Root's capabilities are gone when the file is written: a directory of somebody else is refused at the start."""
    with tempfile.TemporaryDirectory(prefix="export.") as directory:
        os.chmod(directory, 0o755)
        os.chown(directory, 65534, 65534)
        command = [tool.TOOL, "export", "--observers", "lookups", "--textfile", directory]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                out, err = process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
        t.equal((process.returncode, out, err.count("\n")), (2, "", 1), "somebody else's directory: it does not start, and says one line", err)
        t.ok(f"--textfile {directory}: Permission denied" in err and "setfacl -m u:0:rwx" in err, "why, and what to do", err)
        t.equal(os.listdir(directory), [], "nothing is written there")
        os.chmod(directory, 0o777)
        with Exporter(directory, "--observers", "lookups", "--textfile", directory, listen=None) as export:
            t.ok(wait_for(lambda: os.path.exists(os.path.join(directory, "iomapscope.prom"))), "with the right to write it does", export.stderr())
            export.stop()


def check_privileges(t, work):
    """CAP_BPF and CAP_PERFMON are enough for an unprivileged user, and are gone when it serves."""
    if not shutil.which("setpriv"):
        t.skip("least privileges", "setpriv is not installed")
        return
    binary = tempfile.mkdtemp(prefix="export.", dir="/var/tmp")
    try:
        os.chmod(binary, 0o755)
        shutil.copy(tool.TOOL, binary)
        original, tool.TOOL = tool.TOOL, os.path.join(binary, "iomapscope")
        caps = "-all,+bpf,+perfmon"
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", f"--bounding-set={caps}", f"--inh-caps={caps}",
                   f"--ambient-caps={caps}", "--no-new-privs"]
        try:
            with Exporter(work, command=command) as export:
                scrape = export.scrape()
                attached = [labels["observer"] for labels, value in scrape.of("iomapscope_source_attached") if value]
                t.ok("lookups" in attached and "dio" in attached, "with CAP_BPF and CAP_PERFMON alone it attaches", export.stderr())
                t.ok(scrape.sum("process_open_fds") > 10 and scrape.sum("process_resident_memory_bytes") > 0, "and can tell about itself")
                with open(f"/proc/{export.process.pid}/status") as status:
                    fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
                t.equal((fields["Uid"].split()[1], int(fields["CapEff"], 16), int(fields["CapPrm"], 16)), ("65534", 0, 0),
                        "it serves as an unprivileged user without any capability")
                t.equal(export.stop().status, 0, "and ends in order")
            done = subprocess.run([*command[:6], "--bounding-set=-all", "--inh-caps=-all", tool.TOOL, "export", "--listen", "127.0.0.1:0"],
                                  capture_output=True, text=True, timeout=tool.PATIENCE)
            t.equal((done.returncode, done.stderr), (3, "iomapscope: CAP_BPF and CAP_PERFMON missing; run as root, or give the capability\n"),
                    "without them it says which are missing")
        finally:
            tool.TOOL = original
    finally:
        shutil.rmtree(binary)


def documented_proxy():
    """The configuration that docs/exporter.md has."""
    with open(os.path.join(TOP, "docs", "exporter.md")) as text:
        return re.search(r"```nginx\n(.*?)```", text.read(), re.S)[1]


def check_proxy(t, work, export):
    """The documented configuration of nginx: TLS, and a password."""
    if not shutil.which("nginx") or not shutil.which("openssl") or not shutil.which("curl"):
        t.skip("TLS and a password by nginx", "nginx, openssl or curl is not installed")
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    certificate, key, users = (os.path.join(work, name) for name in ("cert.pem", "key.pem", "users"))
    storage.command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)
    with open(users, "w") as file:
        file.write("prometheus:" + storage.command("openssl", "passwd", "-apr1", "secret"))
    os.chmod(users, 0o644)
    os.chmod(work, 0o755)
    server = documented_proxy()
    for before, after in (("9843", str(port)), ("127.0.0.1:9842", f"127.0.0.1:{export.port}"), ("/etc/iomapscope/cert.pem", certificate),
                          ("/etc/iomapscope/key.pem", key), ("/etc/iomapscope/users", users)):
        t.ok(before in server, f"docs/exporter.md has {before}", server)
        server = server.replace(before, after)
    config = os.path.join(work, "nginx.conf")
    with open(config, "w") as file:
        file.write(f"pid {work}/nginx.pid;\nerror_log {work}/nginx.log;\ndaemon off;\nworker_processes 1;\nevents {{}}\nhttp {{\naccess_log off;\n")
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
            file.write(f"{kind}_temp_path {work}/{kind};\n")
        file.write(server + "}\n")
    proxy = subprocess.Popen(["nginx", "-e", os.path.join(work, "nginx.log"), "-c", config], stderr=subprocess.PIPE, text=True)
    try:
        url = f"https://localhost:{port}/metrics"

        def curl(*args):
            done = subprocess.run(["curl", "-s", "-o", os.path.join(work, "answer"), "-w", "%{http_code}", "--resolve", f"localhost:{port}:127.0.0.1",
                                   *args, url], capture_output=True, text=True, timeout=tool.PATIENCE)
            return done.returncode, done.stdout

        t.ok(wait_for(lambda: proxy.poll() is not None or curl("-k")[0] == 0), "nginx takes the documented configuration", proxy.poll())
        t.equal(curl("--cacert", certificate), (0, "401"), "without a password: refused")
        t.equal(curl("--cacert", certificate, "-u", "prometheus:wrong"), (0, "401"), "with a wrong one: refused")
        t.equal(curl("--cacert", certificate, "-u", "prometheus:secret"), (0, "200"), "with the right one: answered")
        with open(os.path.join(work, "answer")) as answer:
            t.ok(Scrape(answer.read()).sum("iomapscope_scrapes_total") >= 0, "with the metrics, by TLS")
        t.equal(curl("-u", "prometheus:secret")[0], 60, "a certificate that nobody vouches for is not trusted")
    finally:
        proxy.terminate()
        proxy.wait()


def check_unit(t, work):
    """The systemd unit is valid, and confined."""
    if not shutil.which("systemd-analyze"):
        t.skip("the systemd unit", "systemd-analyze is not installed")
        return
    with open(os.path.join(TOP, "packaging", "iomapscope-exporter.service")) as file:
        unit = file.read()
    path = os.path.join(work, "iomapscope-exporter.service")
    with open(path, "w") as file:
        file.write(unit.replace("@PREFIX@/sbin/iomapscope", tool.TOOL))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=tool.PATIENCE)
    t.equal((done.returncode, done.stderr), (0, ""), "systemd-analyze verify has no word about it")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", path], capture_output=True, text=True,
                          timeout=tool.PATIENCE)
    t.ok(done.returncode == 0, "systemd-analyze security: an exposure of 2.0 at the most", done.stdout[-300:])
    bounds = re.findall(r"^(?:Ambient|CapabilityBounding).*=(.*)$", unit, re.M)
    t.equal(bounds, ["CAP_BPF CAP_PERFMON"] * 2, "no other capabilities than those that are needed")


def check_cost(t):
    """64 devices with all operations of all observers, in per-CPU tables of the kernel."""
    bench = os.path.join(tool.BUILD, "perf", "scrape")
    if not os.path.exists(bench):
        sys.exit(f"{bench} is not there: run make unit")
    done = subprocess.run([bench, "64", "50"], capture_output=True, text=True, timeout=tool.PATIENCE)
    found = re.match(r"cpu_ns (\d+) bytes (\d+) keys (\d+)\n", done.stdout)
    if not t.ok(found, "what a scrape costs is measured", done.stderr):
        return
    t.diag(f"64 devices: {found[3]} keys, {int(found[2]) / 1e6:.1f} MB, {int(found[1]) / 1e6:.2f} ms of CPU")
    t.ok(int(found[3]) >= 64 * 22 and int(found[1]) < SCRAPE_MS * 10 ** 6, f"64 devices, all operations: below {SCRAPE_MS} ms of CPU", done.stdout)
    text = subprocess.run([bench, "-w", "3", "1"], capture_output=True, text=True, timeout=tool.PATIENCE).stdout
    t.ok(Scrape(text).series() > 10000 and text.endswith("\n"), "and what it has written are samples")


def main():
    if os.geteuid():
        skip_all("needs root")
    if not os.access("/sys/kernel/btf/vmlinux", os.R_OK):
        skip_all("the kernel has no BTF (/sys/kernel/btf/vmlinux)")
    if not os.access(tool.TOOL, os.X_OK):
        sys.exit(f"{tool.TOOL} is not there: run make first")
    if not tool.usable_sources("lookups"):
        skip_all("this kernel has no source for lookups")
    work = tempfile.mkdtemp(prefix="export.")
    atexit.register(shutil.rmtree, work, ignore_errors=True)
    atexit.register(exporter.kill_all)
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(f"export.t: signal {signum}"))
    t = Tap()
    with Exporter(work) as export:
        check_answers(t, export)
        check_bad_requests(t, export)
        check_flood(t, export)
        check_slow(t, export)
        check_proxy(t, work, export)
        check_lifetime(t, export)
        t.equal(export.stop().status, 0, "SIGTERM ends it in order", export.stderr())
    check_descriptors(t, work)
    check_restart(t, work)
    check_choice(t, work)
    check_notify(t, work)
    check_textfile(t, work)
    check_privileges(t, work)
    check_unit(t, work)
    check_cost(t)
    sys.exit(t.done())


if __name__ == "__main__":
    main()
