"""What the tests of deploy/ share: the built programs, a PostgreSQL server, rendered manifests, waiting for facts.

Errors: a failed check ends the test with one line; `skip` ends it with exit code 77, which ctest reports as skipped.
"""
import atexit
import glob
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(sys.argv[1]).resolve()
BUILD = pathlib.Path(sys.argv[2]).resolve()
NAME = pathlib.Path(sys.argv[0]).name


def skip(why):
    print(f"{NAME}: skipped: {why}", file=sys.stderr)
    sys.exit(77)


def check(fact, what):
    if not fact:
        print(f"{NAME}: {what}", file=sys.stderr)
        sys.exit(1)


def program(name):
    return str(BUILD / "bin" / name)


def scratch():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="furrow-deploy-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def eventually(seconds, fact):
    """The first true value of `fact`; the last value after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := fact()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return value


def run(command, seconds=120, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, **more)


def start(command, log, **more):
    """A process that ends with this test."""
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL,
                               stdout=open(log, "ab"), stderr=subprocess.STDOUT, **more)
    atexit.register(lambda: process.poll() is None and process.kill())
    return process


def kustomized(overlay):
    """All objects of an overlay of deploy/kubernetes, as `kubectl apply -k` makes them."""
    if not shutil.which("kubectl"):
        skip("kubectl is not installed (tools/setup installs it)")
    import yaml
    folder = scratch() / "kubernetes"
    shutil.copytree(SOURCE / "deploy" / "kubernetes", folder)
    said = run(["kubectl", "version", "--client", "-o", "json"]).stdout
    minor = re.search(r'"minor": *"(\d+)', said)
    check(minor, "kubectl does not say its version: " + said)
    if int(minor[1]) < 21:  # the one of Debian 12 has an older kustomize: the same in its words
        for file in folder.glob("*/kustomization.yaml"):
            text = re.sub(r"^resources: (\[\.\./.*\])$", r"bases: \1", file.read_text(), flags=re.M)
            text = re.sub(r"\{path: ([^}]*)\}", r"\1", re.sub(r"^patches:", "patchesStrategicMerge:", text, flags=re.M))
            file.write_text(text)
    made = run(["kubectl", "kustomize", str(folder / overlay)])
    check(made.returncode == 0, made.stdout)
    return [one for one in yaml.safe_load_all(made.stdout) if one]


def as_postgres():
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


class Postgres:
    """A private server; `psql` runs as superuser, through the socket in `folder`."""

    def __init__(self, *settings, port=None, addresses="127.0.0.1"):
        versions = glob.glob("/usr/lib/postgresql/*/bin/initdb")
        if not versions:
            skip("no PostgreSQL server is installed")
        programs = pathlib.Path(max(versions, key=lambda path: int(path.split("/")[4]))).parent
        self.folder = scratch()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.port = port or free_port()
        data = str(self.folder / "data")
        made = run([*as_postgres(), str(programs / "initdb"), "-D", data, "-U", "postgres", "-A", "scram-sha-256",
                    "--auth-local=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"], cwd=self.folder)
        check(made.returncode == 0, made.stdout)
        self.process = start([*as_postgres(), str(programs / "postgres"), "-D", data, "-p", str(self.port), "-k",
                              str(self.folder), "-c", f"listen_addresses={addresses}",
                              *[word for one in settings for word in ("-c", one)]],
                             self.folder / "log", cwd=self.folder)
        atexit.register(self.stop)
        ready = eventually(60, lambda: run(["pg_isready", "-q", "-h", str(self.folder), "-p", str(self.port)]).returncode == 0)
        check(ready, "PostgreSQL does not start: " + (self.folder / "log").read_text())

    def psql(self, *words, **more):
        return run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-p", str(self.port),
                    "-U", "postgres", *words], **more)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
