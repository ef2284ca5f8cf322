"""Reads a config drive as Debian's cloud-init does, and says what it would set up.

Arguments: the folder of cloud-init's modules, the folder with the drive's files, and MAC=NAME of each NIC. Prints JSON:
metadata, user data with the parts that it is taken apart to, and the network configuration of each kind of system (a text by file name, or the error).
"""
import base64
import json
import os
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
from cloudinit import user_data as user_data_format
from cloudinit.distros.rhel import Distro as RedHat
from cloudinit.net import eni, netplan, network_state, sysconfig
from cloudinit.sources import DataSourceConfigDrive
from cloudinit.sources.helpers import openstack

renderers = {
    "netplan": (netplan.Renderer, {"netplan_path": "netplan.yaml"}),
    "ifupdown": (eni.Renderer, {"eni_path": "interfaces"}),
    "sysconfig": (sysconfig.Renderer, RedHat.renderer_configs["sysconfig"]),
}


def render(kind, state):
    renderer, config = renderers[kind]
    files = {}
    with tempfile.TemporaryDirectory() as target:
        try:
            renderer(dict(config)).render_network_state(state, target=target)
        except ValueError as error:
            return {"error": str(error)}
        for folder, _, names in os.walk(target):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    files[name] = file.read()
    return files


drive = DataSourceConfigDrive.read_config_drive(sys.argv[2])
names = dict(pair.split("=") for pair in sys.argv[3:])
state = network_state.parse_net_config_data(openstack.convert_net_json(drive["networkdata"], known_macs=names))
metadata = {name: value for name, value in drive["metadata"].items() if name != "random_seed"}
user_data = drive.get("userdata") or b""
message = user_data_format.UserDataProcessor(None).process(user_data)
parts = [
    {"type": part.get_content_type(), "text": part.get_payload(decode=True).decode()}
    for part in message.walk()
    if part.get_content_maintype() != "multipart"
]
print(
    json.dumps(
        {
            "metadata": metadata,
            "user_data": base64.b64encode(user_data if isinstance(user_data, bytes) else user_data.encode()).decode(),
            "parts": parts,
            "files": {path: content.decode() for path, content in drive.get("files", {}).items()},
            "networks": {kind: render(kind, state) for kind in renderers},
        }
    )
)
