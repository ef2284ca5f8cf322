"""Drives a Redfish service with sushy, OpenStack's client, and prints what it saw as one JSON object.

The address comes as the first argument; user and password in SERVICE_USER and SERVICE_PASSWORD; the URL of a file to put
into the drive in MEDIUM_URL. AUTH is `session` or `basic`. REQUESTS_CA_BUNDLE names the certificate it must have.
"""

import json
import os
import sys
import time

import sushy
from sushy import auth as sushy_auth

kinds = {"session": sushy_auth.SessionAuth, "basic": sushy_auth.BasicAuth}
auth = kinds[os.environ["AUTH"]](os.environ["SERVICE_USER"], os.environ["SERVICE_PASSWORD"])
root = sushy.Sushy(sys.argv[1], auth=auth, verify=True)
seen = {}

system = root.get_system(root.get_system_collection().members_identities[0])
manager = root.get_manager(root.get_manager_collection().members_identities[0])


def look(name, value):
    seen[name] = getattr(value, "value", value)


def reset(kind):
    system.reset_system(kind)
    system.refresh()


look("power at first", system.power_state)
look("reset types", sorted(kind.value for kind in system.get_allowed_reset_system_values()))
look("boot targets", sorted(kind.value for kind in system.get_allowed_system_boot_source_values()))
reset(sushy.RESET_TYPE_ON)
look("power after On", system.power_state)
for kind in (sushy.RESET_TYPE_NMI, sushy.RESET_TYPE_FORCE_RESTART):
    reset(kind)
reset(sushy.RESET_TYPE_FORCE_OFF)
look("power after ForceOff", system.power_state)

system.set_system_boot_options(
    target=sushy.BOOT_SOURCE_TARGET_PXE,
    enabled=sushy.BOOT_SOURCE_ENABLED_ONCE,
    mode=sushy.BOOT_SOURCE_MODE_UEFI,
)
system.refresh()
look("boot target", system.boot.target)
look("boot enabled", system.boot.enabled)
look("boot mode", system.boot.mode)
reset(sushy.RESET_TYPE_ON)
look("boot enabled after the boot", system.boot.enabled)
system.set_system_boot_options(
    target=sushy.BOOT_SOURCE_TARGET_UEFI_HTTP,
    enabled=sushy.BOOT_SOURCE_ENABLED_CONTINUOUS,
    mode=sushy.BOOT_SOURCE_MODE_UEFI,
)
system.refresh()
look("http boot", system.boot.target)

system.set_indicator_led(sushy.INDICATOR_LED_LIT)
system.refresh()
look("indicator", system.indicator_led)

bios = system.bios
look("bios", bios.attributes)
bios.set_attribute("ProcTurboMode", "Disabled")
bios.refresh(force=True)
look("pending bios", bios.pending_attributes["ProcTurboMode"])
reset(sushy.RESET_TYPE_FORCE_RESTART)
bios.refresh(force=True)
look("bios after the restart", bios.attributes["ProcTurboMode"])

look("secure boot", system.secure_boot.enabled)
system.secure_boot.set_enabled(True)
system.secure_boot.refresh(force=True)
look("secure boot after", system.secure_boot.enabled)

media = {member.identity: member for member in manager.virtual_media.get_members()}
look("media", sorted(media))
drive = [member for member in media.values() if sushy.VIRTUAL_MEDIA_CD in member.media_types][0]
drive.insert_media(os.environ["MEDIUM_URL"], write_protected=True)
drive.refresh(force=True)
look("inserted", [drive.inserted, drive.image])
drive.eject_media()
drive.refresh(force=True)
look("ejected", drive.inserted)

storage = system.storage.get_members()[0]
look("apply times", storage.volumes.operation_apply_time_support.supported_values)
links = [{"@odata.id": drive.path} for drive in storage.drives[:2]]
payload = {"RAIDType": "RAID1", "CapacityBytes": 10**9, "Name": "root", "Links": {"Drives": links}}
storage.volumes.create(payload, apply_time=sushy.APPLY_TIME_IMMEDIATE)
# Its task may still run: not every version of sushy waits for it.
for _ in range(100):
    storage.volumes.refresh(force=True)
    if storage.volumes.members_identities:
        break
    time.sleep(0.1)
look("volumes", [[one.name, one.raid_type.value, one.capacity_bytes] for one in storage.volumes.get_members()])
storage.volumes.get_members()[0].delete()
fresh = root.get_system(system.path).storage.get_members()[0]
look("volumes left", len(fresh.volumes.members_identities))

chassis = root.get_chassis(root.get_chassis_collection().members_identities[0])
look("temperatures", sorted(item.name for item in chassis.thermal.temperatures))
look("fans", len(chassis.thermal.fans))
look("firmware", sorted(item.identity for item in root.get_update_service().firmware_inventory.get_members()))
if os.environ["AUTH"] == "session":
    look("sessions", len(root.get_session_service().sessions.members_identities))
    auth.close()
print(json.dumps(seen))
