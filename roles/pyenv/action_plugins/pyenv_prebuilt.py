"""Shares finished interpreters among the hosts of a play: who compiles what, and the way of the archives."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

ENDING = ".tar.gz"
KEY = re.compile(r"[0-9.]+-[a-z]+-\w+-[0-9a-f]{16}")
"""What a key looks like, see key_of() in module_utils/pyenv_prebuilt.py: it becomes the name of a file here."""


def share(wanted, there, unable=()):
    """Return version -> host that compiles it, for each host and each of its versions that another one compiles.

    Of each key one host compiles: the keys are dealt out in turn among the hosts that want them.

    :param wanted: host -> {version: key} of what it has not, in the play's order.
    :param there: keys of the archives that are there.
    :param unable: hosts that cannot compile.
    """
    hosts = {}
    for host, keys in wanted.items():
        for key in keys.values():
            hosts.setdefault(key, [])
            if host not in unable:
                hosts[key].append(host)
    turns = {}
    builders = {}
    for key in (key for key in hosts if key not in there and hosts[key]):
        group = tuple(hosts[key])
        turn = turns.setdefault(group, 0)
        builders[key] = group[turn % len(group)]
        turns[group] = turn + 1
    return {
        host: {version: builders[key] for version, key in keys.items() if builders.get(key, host) != host}
        for host, keys in wanted.items()
    }


def sha256_of(path):
    """Return the sha256 of a file, in hex."""
    with Path(path).open("rb") as stream:
        found = hashlib.sha256()
        for block in iter(lambda: stream.read(2**20), b""):
            found.update(block)
    return found.hexdigest()


class Store:
    """The folder of archives on this machine: KEY.tar.gz, each with its sha256 beside it, as sha256sum(1) writes it."""

    def __init__(self, folder):
        """Take the folder, which need not be there."""
        self.folder = Path(folder).expanduser()

    def paths(self, key):
        """Return the paths of an archive and of its sha256."""
        archive = self.folder / (key + ENDING)
        return archive, archive.with_name(archive.name + ".sha256")

    def find(self, key):
        """Return {key, path, sha256} of an archive, or None where there is none; ValueError when it is damaged."""
        archive, beside = self.paths(key)
        try:
            expected = beside.read_text(encoding="ascii", errors="replace").split(" ")[0]
            found = sha256_of(archive)
        except FileNotFoundError:
            return None
        if found != expected:
            raise ValueError(f"{archive}: its sha256 is another than the one it should have")
        with contextlib.suppress(OSError):  # it may be somebody else's
            os.utime(archive)  # it was used: see trim()
        return {"key": key, "path": str(archive), "sha256": expected}

    def drop(self, key):
        """Remove an archive."""
        for path in reversed(self.paths(key)):
            path.unlink(missing_ok=True)

    def add(self, key, source, sha256):
        """Take a file in, by renaming it; ValueError when it is another than it should be. Under the lock."""
        if sha256_of(source) != sha256:
            raise ValueError("its sha256 is another than the one that it was made with")
        archive, beside = self.paths(key)
        written = source.with_name(beside.name)
        written.write_text(f"{sha256}  {archive.name}\n", encoding="ascii")
        # A reader takes an archive whose sha256 is there: in between it finds none, or a damaged one that was good.
        beside.unlink(missing_ok=True)
        source.replace(archive)
        written.replace(beside)

    def trim(self, limit):
        """Remove what was not used for longest until the others take no more than a limit (MiB); return their keys.

        Other files that lie there are nobody's business. Under the lock.
        """
        names = [path.name[: -len(ENDING)] for path in self.folder.glob("*" + ENDING)]
        there = {key: self.paths(key)[0].stat() for key in names if KEY.fullmatch(key)}
        dropped, size = [], 0
        for key in sorted(there, key=lambda key: there[key].st_mtime_ns, reverse=True):
            size += there[key].st_size
            if size > limit * 2**20:
                dropped.append(key)
                self.drop(key)
        return dropped

    @contextlib.contextmanager
    def locked(self):
        """Hold the folder alone, and give one in it that archives can be renamed from; what is left in that goes."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            new = self.folder / ".new"
            shutil.rmtree(new, ignore_errors=True)  # of a run that was killed
            new.mkdir(mode=0o700)
            try:
                yield new
            finally:
                shutil.rmtree(new, ignore_errors=True)


class ActionModule(ActionBase):
    """See library/pyenv_prebuilt.py, which says what each state does."""

    def run(self, tmp=None, task_vars=None):
        """Do what the state asks for."""
        result = super().run(tmp, task_vars)
        args = self._task.args
        do = {"shared": self._share, "brought": self._bring, "kept": self._keep}.get(args.get("state"))
        if do is None:
            raise AnsibleActionFail("pyenv_prebuilt: state is shared, brought or kept")
        return {**result, "changed": False, **do(args, task_vars)}

    def _share(self, args, task_vars):
        """Look at all hosts at once: a play of many costs as much as its hosts, not as much as their pairs."""
        active = set(task_vars["ansible_play_hosts"])
        final = bool(args.get("final"))
        earlier = task_vars["__pyenv_share"]["hosts"] if final else {}
        wanted, missing, unable = {}, {}, set()
        for host in task_vars["ansible_play_batch"]:
            known = task_vars["hostvars"][host]
            plan = known.get("__preflight_look", {}).get("interpreters", {})
            if host not in active or "kinds" not in plan:
                continue
            missing[host] = list(earlier.get(host, {}).get("elsewhere", {})) if final else plan["missing"]
            # What a person has there already is not built, nor taken from others.
            wanted[host] = {version: plan["kinds"][version] for version in missing[host] if version in plan["absent"]}
            # Only asked without root: see compilers in preflight's wishes.
            if known["__preflight_look"]["packages"]["lacking"]["compilers"]:
                unable.add(host)
        found = self._look(Store(args["store"]), {key for keys in wanted.values() for key in keys.values()})
        elsewhere = {} if final or int(args["limit"]) <= 0 else share(wanted, set(found), unable)
        return {
            "hosts": {
                host: {
                    "now": [version for version in missing[host] if version not in elsewhere.get(host, {})],
                    "archives": {version: found[key] for version, key in keys.items() if key in found},
                    "elsewhere": elsewhere.get(host, {}),
                }
                for host, keys in wanted.items()
            }
        }

    def _look(self, store, keys):
        """Return key -> archive of those that are there; a damaged one is dropped."""
        found = {}
        for key in sorted(filter(KEY.fullmatch, keys)):
            try:
                found[key] = store.find(key)
            except ValueError as error:
                Display().warning(f"{error}: it is dropped")
                if not self._task.check_mode:
                    with contextlib.suppress(OSError):
                        store.drop(key)
            except OSError as error:
                Display().warning(f"{store.paths(key)[0]} is not used: {error.strerror}")
        return {key: archive for key, archive in found.items() if archive}

    def _bring(self, args, task_vars):
        """Copy archives to the host. One that does not get there is no failure: the host can compile."""
        made = self._execute_module(
            "pyenv_prebuilt",
            module_args={"folder": args["folder"], "state_dir": args["state_dir"]},
            task_vars=task_vars,
        )
        if made.get("failed"):
            return made
        brought = {}
        for version, archive in args["archives"].items():
            path = f"{made['folder']}/{archive['key']}{ENDING}"
            try:
                done = self._other("copy", task_vars, src=archive["path"], dest=path, mode="0600")
                if done.get("failed"):
                    raise AnsibleActionFail(done.get("msg", "no reason given"))
            except AnsibleError as error:
                Display().warning(f"{task_vars['inventory_hostname']}: {archive['key']} is not used: {error}")
                continue
            brought[version] = {**archive, "path": path}
        return {"archives": brought}

    def _keep(self, args, task_vars):
        """Fetch archives from the host. One that cannot be kept is no failure: the host has its interpreter.

        A host's word counts for what it was to compile, and not for what is there. But for one that it was brought, and
        compiled anew: what is there then does not pass the gate on each machine that it should be for.
        """
        store, host = Store(args["store"]), task_vars["inventory_hostname"]
        part, kinds = task_vars["__pyenv_share"]["hosts"][host], task_vars["__preflight_look"]["interpreters"]["kinds"]
        brought = (task_vars.get("__pyenv_brought") or {}).get("archives") or {}
        for archive in args["archives"]:
            version, key = archive["version"], archive["key"]
            try:
                if not KEY.fullmatch(key) or version not in part["now"] or key != kinds[version]:
                    raise ValueError("the machine is of another kind than was planned")
                with store.locked() as folder:
                    there = self._look(store, {key}).get(key)
                    refused = brought.get(version, {}).get("sha256")
                    if there and there["sha256"] == refused:
                        Display().warning(f"{there['path']} is replaced: {host} could not use it")
                        there = None
                    if not there:
                        local = folder / "archive"
                        done = self._other("fetch", task_vars, src=archive["path"], dest=str(local), flat=True)
                        if done.get("failed"):
                            raise ValueError(done.get("msg", "no reason given"))
                        store.add(key, local, archive["sha256"])
                    dropped = store.trim(int(args["limit"]))
            except (OSError, ValueError, AnsibleError) as error:
                Display().warning(f"Python {version} of {host} is not kept for other machines: {error}")
                continue
            for other in dropped:
                Display().display(f"{other} is not kept any longer: pyenv_prebuilt_limit is {args['limit']} MB")
        gone = {"path": str(Path(args["archives"][0]["path"]).parent), "state": "absent"}
        self._execute_module("ansible.legacy.file", module_args=gone, task_vars=task_vars)
        return {}

    def _other(self, name, task_vars, **options):
        """Run another action on the host, and return its answer."""
        task = self._task.copy()
        task.args = options
        action = self._shared_loader_obj.action_loader.get(
            f"ansible.legacy.{name}",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return action.run(task_vars=task_vars)
