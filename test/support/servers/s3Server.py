"""One node of OpenStack Swift with its S3 interface, in one directory: SETUP or one of its servers.

Swift is a real object storage: it checks signatures, pre-signed ones too, and their expiry.
"""

import os
import sys


class NoCache:
    """Where Swift wants a memcached: nothing is ever in it."""

    def get(self, *_args, **_options):
        return None

    set = delete = incr = decr = get


def without_cache(_global, **_local):
    def filtered(app):
        def run(environ, start_response):
            environ["swift.cache"] = NoCache()
            return app(environ, start_response)

        return run

    return filtered


mode, directory = sys.argv[1], sys.argv[2]

from swift.common import utils

utils.set_swift_dir(directory)

if mode == "setup":
    from swift.common.ring import RingBuilder

    for name, port in zip(("account", "container", "object"), sys.argv[3:]):
        builder = RingBuilder(1, 1, 0)
        place = {"ip": "127.0.0.1", "port": int(port), "device": "disk"}
        copy = {"replication_ip": "127.0.0.1", "replication_port": int(port)}
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "meta": "", **place, **copy})
        builder.rebalance()
        builder.get_ring().save(os.path.join(directory, name + ".ring.gz"))
else:
    import ctypes
    import signal

    from swift.common import wsgi

    # Dies with the test that started it (PR_SET_PDEATHSIG), whatever becomes of that.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    # Told when the server listens, which would otherwise be systemd; it closes its own output.
    told = os.dup(1)
    wsgi.systemd_notify = lambda *_args, **_options: os.write(told, b"ready\n")
    sys.exit(wsgi.run_wsgi(os.path.join(directory, mode + ".conf"), mode + "-server"))
