#!/usr/bin/python3 -IS
"""The distribution's `openstack` client without the second that each start takes: `prepared-openstack.py --serve SOCKET`
loads its modules once, prints `ready`, and ends with its standard input; called with any other arguments it lets that
process fork, and the fork run them. `PREPARED_OPENSTACK` names the socket.
"""
import array
import json
import os
import socket
import sys


def ask(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.connect(path)
        streams = array.array("i", [0, 1, 2])
        head = json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}).encode()
        server.sendmsg([len(head).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        server.sendall(head)
        status = server.recv(1)
    return status[0] if status else 70


def read(connection):
    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    length = int.from_bytes(size, "big")
    head = b""
    while len(head) < length:
        part = connection.recv(length - len(head))
        if not part:
            raise EOFError
        head += part
    return json.loads(head), streams


def answer(connection, main):
    """In the fork: never returns."""
    status = 70
    try:
        request, streams = read(connection)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv = ["openstack", *request["argv"]]
        sys.stdin = open(0, closefd=False)
        sys.stdout = open(1, "w", closefd=False)
        sys.stderr = open(2, "w", closefd=False, buffering=1)
        status = main(request["argv"]) or 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                status = status or 1
        connection.sendall(bytes([status & 255]))
        os._exit(0)


def serve(path):
    import signal
    import threading

    sys.argv[0] = "openstack"  # What the modules tell as the program's name.
    main = load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(64)
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(connection, main)
            connection.close()


def load():
    """What every command loads: all plug-ins and their commands, and the kinds of authentication."""
    from contextlib import redirect_stdout
    from importlib.metadata import entry_points
    from io import StringIO
    from logging import getLogger

    from openstackclient import shell

    for group, entries in entry_points().items():
        if group.startswith(("openstack.", "keystoneauth1.plugin")):
            for entry in entries:
                try:
                    entry.load()
                except ImportError:
                    pass  # A kind of authentication whose library is not installed.
    with redirect_stdout(StringIO()):
        shell.main(["help", "token", "issue"])
    # Each command adds its own: messages would be written twice.
    getLogger().handlers.clear()
    return shell.main


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        sys.exit(ask(os.environ["PREPARED_OPENSTACK"]))
