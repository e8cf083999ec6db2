#!/usr/bin/python
"""A folder with all that a set-up downloads, for machines without a network."""

DOCUMENTATION = r"""
module: bundle
short_description: Gather all that a set-up downloads into one folder
description:
  - Each state brings one part. What is there and as it should be stays, so that a second run changes nothing.
  - C(begun) refuses a folder that cannot be a bundle, and fetches the package lists of the machine's sources for an
    apt that takes nothing for installed. It needs no root, and leaves the machine's own lists alone.
  - C(packages) brings packages with all that they need. C(repositories) brings git repositories at their commits.
  - C(archives) brings the sources of interpreters, and finished interpreters where there are any. C(wheels) brings
    Ansible, pip and pipenv.
  - C(complete) copies the checkout, writes the settings, and last the sha256 of every file.
options:
  folder:
    description: The folder, as a whole path.
    type: path
    required: true
  work:
    description: A folder for what is being gathered, which goes in the end.
    type: path
    required: true
  state:
    description: See above.
    type: str
    choices: [begun, packages, repositories, archives, wheels, complete]
    required: true
  checkout:
    description: devrig's own folder.
    type: path
  names:
    description: For C(packages), the packages, as apt-get takes them.
    type: list
    elements: str
    default: []
  environment:
    description: For C(packages), what C(begun) has returned.
    type: dict
    default: {}
  repositories:
    description: For C(repositories), each with C(name), C(repo) and C(version), a commit or a tag.
    type: list
    elements: dict
    default: []
  plans:
    description: For C(archives), the plans of the interpreters, as the module pyenv_python returns them.
    type: list
    elements: dict
    default: []
  kinds:
    description: For C(archives), version -> name of the archive of a finished interpreter.
    type: dict
    default: {}
  version:
    description: For C(archives), commit or tag of pyenv.
    type: str
  mirror_url:
    description: For C(archives), mirror of sources; empty for upstream.
    type: str
    default: ""
  caches:
    description: For C(archives), folders in which a source may lie.
    type: list
    elements: path
    default: []
  store:
    description: For C(archives), the machine's folder of finished interpreters.
    type: path
  prebuilt_url:
    description: For C(archives), address of such a folder; empty for none.
    type: str
    default: ""
  prebuilt_sha256:
    description: For C(archives), key -> sha256. With any, no others are taken from that address.
    type: dict
    default: {}
  constraints:
    description: For C(wheels), series of Python -> what is pinned for it, as text.
    type: dict
    default: {}
  settings:
    description: For C(complete), the settings that say what is in it.
    type: dict
    default: {}
  plugins:
    description: For C(complete), vim's plugins, as the setting lists them.
    type: list
    elements: dict
    default: []
  versions:
    description: For C(complete), versions of the interpreters.
    type: list
    elements: str
    default: []
"""

RETURN = r"""
environment:
  description: The environment in which apt and dpkg-query see a machine with nothing installed.
  type: dict
  returned: for begun
finished:
  description: Versions of the finished interpreters that are in it; others are compiled on the closed machine.
  type: list
  elements: str
  returned: for archives
said:
  description: What there is to say of the part.
  type: str
  returned: always
"""

import os

from ansible.module_utils import bundle_parts, bundle_plan
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.bundle_plan import Refused
from ansible.module_utils.devrig_git import Failure, address_of, keep_secret, secrets_of
from ansible.module_utils.devrig_ledger import told


def begun(bundle, params):
    """Begin; return the environment of an apt that knows of nothing."""
    bundle_parts.begin(bundle, params["checkout"])
    environment, lacking = bundle_parts.bare_apt(bundle)
    system = bundle_parts.read(bundle.path(bundle_plan.MADE_FOR)).splitlines()[0]
    return {"environment": environment, "said": "for " + system, "warnings": lacking}


def packages(bundle, params):
    """Bring packages."""
    count = bundle_parts.gather_packages(bundle, params["names"], params["environment"])
    return {"said": "%d packages" % count}


def repositories(bundle, params):
    """Bring repositories."""
    bundle_parts.gather_repositories(bundle, params["repositories"])
    return {"said": ", ".join("%(name)s at %(version)s" % item for item in params["repositories"])}


def archives(bundle, params):
    """Bring sources, and finished interpreters."""
    sources = bundle_parts.sources_for(bundle, params["plans"], params["version"])
    bundle_parts.gather_sources(bundle, sources, params["mirror_url"], params["caches"])
    finished, unused = bundle_parts.gather_interpreters(
        bundle, params["kinds"], params["store"], params["prebuilt_url"], params["prebuilt_sha256"]
    )
    rest = [version for version in sorted(params["kinds"]) if version not in finished]
    parts = [("finished", finished), ("sources alone, which the closed machine compiles", rest)]
    said = "; ".join("%s: %s" % (what, ", ".join(versions)) for what, versions in parts if versions)
    return {"finished": finished, "said": said, "warnings": unused}


def wheels(bundle, params):
    """Bring wheels."""
    requirements = os.path.join(params["checkout"], "requirements.txt")
    count = bundle_parts.gather_wheels(bundle, requirements, params["constraints"])
    return {"said": "%d wheels" % count}


def complete(bundle, params):
    """Bring the checkout and the settings, and end it."""
    there = os.listdir(bundle.path(bundle_plan.REPOSITORIES))
    names = [name[: -len(".git")] for name in there]
    settings = bundle_plan.to_json(bundle_plan.settings_of(params["settings"], names, params["plugins"]))
    size = bundle_parts.complete(bundle, params["checkout"], settings, params["versions"])
    return {"said": "%s, %d MB: take it to the closed machine, and run ./bootstrap in it" % (bundle.folder, size >> 20)}


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "work": {"type": "path", "required": True},
            "state": {
                "type": "str",
                "choices": ["begun", "packages", "repositories", "archives", "wheels", "complete"],
                "required": True,
            },
            "checkout": {"type": "path"},
            "names": {"type": "list", "elements": "str", "default": []},
            "environment": {"type": "dict", "default": {}},
            "repositories": {"type": "list", "elements": "dict", "default": [], "no_log": True},
            "plans": {"type": "list", "elements": "dict", "default": []},
            "kinds": {"type": "dict", "default": {}},
            "version": {"type": "str"},
            "mirror_url": {"type": "str", "default": ""},
            "caches": {"type": "list", "elements": "path", "default": []},
            "store": {"type": "path"},
            "prebuilt_url": {"type": "str", "default": ""},
            "prebuilt_sha256": {"type": "dict", "default": {}},
            "constraints": {"type": "dict", "default": {}},
            "settings": {"type": "dict", "default": {}},
            "plugins": {"type": "list", "elements": "dict", "default": []},
            "versions": {"type": "list", "elements": "str", "default": []},
        }
    )
    params = module.params
    keep_secret(module, [item.get("repo") or "" for item in params["repositories"] + params["plugins"]])
    for name in ("mirror_url", "prebuilt_url"):
        module.no_log_values.update(secrets_of(address_of(params[name]), params[name]))
    os.umask(0o022)  # another user of the closed machine may have to read it
    bundle = bundle_parts.Bundle(params["folder"], params["work"])
    work = {
        "begun": begun,
        "packages": packages,
        "repositories": repositories,
        "archives": archives,
        "wheels": wheels,
        "complete": complete,
    }[params["state"]]
    try:
        result = work(bundle, params)
    except (Refused, Failure) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=told(error, params["folder"]))
    for line in result.pop("warnings", []):
        module.warn(line)
    module.exit_json(changed=bundle.changed, **result)


if __name__ == "__main__":
    main()
