/**
 * Fakes of `virsh` and `VBoxManage` on a host: their output has the observed form of the real programs. Their machines
 * are folders, so that a test can read and change them; the arguments of each call are recorded.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type StandInMachine = { uuid: string; name: string; macs: readonly string[]; state?: string };

export type StandIn = {
  add(machine: StandInMachine): void;
  remove(uuid: string): void;
  state(uuid: string): string;
  setState(uuid: string, state: string): void;
  /** The arguments of each call so far, without the common leading ones. */
  calls(): string[][];
  forgetCalls(): void;
  /** The next call of this command prints this to standard error, and fails. */
  failOnce(command: string, text: string): void;
};

const separator = '\u001f';

const frame = (folder: string, body: string) => `#!/bin/sh
cd '${folder}' || exit 1
{ for word in "$@"; do printf '%s${separator}' "$word"; done; echo; } >> calls
no() { printf '%s\\n' "$1" >&2; exit 1; }
maybe_fail() { [ ! -f "fail-$1" ] || { text=$(cat "fail-$1"); rm "fail-$1"; no "$text"; }; }
${body}`;

const virsh = `
[ "$1" = --quiet ] && [ "$2" = --connect ] || no "error: unexpected words"
shift 3
command=$1
maybe_fail "$command"
if [ "$command" = list ]; then ls machines; echo; exit 0; fi
[ "$2" = --domain ] || no "error: command '$command' requires <domain> option"
uuid=$3
[ -d "machines/$uuid" ] || no "error: failed to get domain '$uuid'"
state=$(cat "machines/$uuid/state")
become() { printf '%s' "$1" > "machines/$uuid/state"; printf "Domain '%s' %s\\n\\n" "$uuid" "$2"; }
case $command in
  dumpxml) cat "machines/$uuid/xml"; echo ;;
  managedsave-remove)
    [ -f "machines/$uuid/saved" ] || { printf "Domain '%s' has no manage save image; removal skipped\\n" "$uuid"; exit 0; }
    rm "machines/$uuid/saved"
    printf "Removed managedsave image for domain '%s'\\n" "$uuid" ;;
  domstate) printf '%s\\n\\n' "$state" ;;
  start)
    [ "$state" = 'shut off' ] || no "error: Domain is already active"
    become running started ;;
  *)
    [ "$state" != 'shut off' ] || no "error: Failed to $command domain '$uuid'
error: Requested operation is not valid: domain is not running"
    case $command in
      destroy) become 'shut off' destroyed ;;
      shutdown) become 'shut off' 'is being shutdown' ;;
      reset) printf "Domain '%s' was reset\\n\\n" "$uuid" ;;
      *) no "error: unknown command: '$command'" ;;
    esac ;;
esac
`;

const vboxManage = `
[ "$1" = -q ] || no "VBoxManage: error: unexpected words"
shift
command=$1
maybe_fail "$command"
if [ "$command" = list ]; then
  for uuid in $(ls machines); do printf '"%s" {%s}\\n' "$(cat "machines/$uuid/name")" "$uuid"; done
  exit 0
fi
uuid=$2
[ -d "machines/$uuid" ] || no "VBoxManage: error: Could not find a registered machine with UUID {$uuid}
VBoxManage: error: Details: code VBOX_E_OBJECT_NOT_FOUND (0x80bb0001), component VirtualBoxWrap, interface IVirtualBox"
state=$(cat "machines/$uuid/state")
become() { printf '%s' "$1" > "machines/$uuid/state"; }
case $command in
  showvminfo) cat "machines/$uuid/info"; printf 'VMState="%s"\\nVMStateChangeTime="2026-01-02T03:04:05.000000000"\\n' "$state" ;;
  discardstate) become poweroff ;;
  startvm)
    [ "$state" != running ] || no "VBoxManage: error: The machine is already locked by a session (or being locked or unlocked)"
    become running
    echo "VM has been successfully started." ;;
  controlvm)
    [ "$state" = running ] || no "VBoxManage: error: Machine '$uuid' is not currently running."
    case $3 in poweroff|acpipowerbutton) become poweroff ;; esac ;;
esac
`;

/** @param bin folder of the host's programs, @param folder that the account may write */
export function aVirsh(bin: string, folder: string): StandIn {
  return aStandIn(
    { bin, folder: join(folder, 'virsh'), name: 'virsh', script: virsh, off: 'shut off', skipped: 3 },
    (machine) => ({
      xml: domainXml(machine),
    }),
  );
}

export function aVBoxManage(bin: string, folder: string): StandIn {
  return aStandIn(
    { bin, folder: join(folder, 'vbox'), name: 'VBoxManage', script: vboxManage, off: 'poweroff', skipped: 1 },
    (machine) => ({
      name: machine.name,
      info: machineInfo(machine),
    }),
  );
}

type Program = { bin: string; folder: string; name: string; script: string; off: string; skipped: number };

function aStandIn(program: Program, files: (machine: StandInMachine) => Record<string, string>): StandIn {
  const { folder } = program;
  mkdirSync(join(folder, 'machines'), { recursive: true });
  writeFileSync(join(program.bin, program.name), frame(folder, program.script), { mode: 0o755 });
  const place = (uuid: string, name: string) => join(folder, 'machines', uuid, name);
  const standIn: StandIn = {
    add(machine) {
      mkdirSync(join(folder, 'machines', machine.uuid), { recursive: true });
      for (const [name, content] of Object.entries(files(machine))) writeFileSync(place(machine.uuid, name), content);
      standIn.setState(machine.uuid, machine.state ?? program.off);
    },
    remove: (uuid) => rmSync(join(folder, 'machines', uuid), { recursive: true }),
    state: (uuid) => readFileSync(place(uuid, 'state'), 'utf8'),
    setState: (uuid, state) => writeFileSync(place(uuid, 'state'), state),
    calls() {
      if (!readdirSync(folder).includes('calls')) return [];
      const lines = readFileSync(join(folder, 'calls'), 'utf8').split('\n').slice(0, -1);
      return lines.map((line) => line.split(separator).slice(0, -1).slice(program.skipped));
    },
    forgetCalls: () => rmSync(join(folder, 'calls'), { force: true }),
    failOnce: (command, text) => writeFileSync(join(folder, `fail-${command}`), text),
  };
  return standIn;
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** libvirt's domain XML, as `dumpxml` gives it. */
export function domainXml({ uuid, name, macs }: StandInMachine): string {
  const interfaces = macs.flatMap((mac) => [
    "    <interface type='network'>",
    `      <mac address='${mac}'/>`,
    "      <source network='default'/>",
    "      <model type='virtio'/>",
    '    </interface>',
  ]);
  return [
    "<domain type='kvm' id='3'>",
    `  <name>${name.replaceAll(/[&<>"']/g, (letter) => escapes[letter] ?? letter)}</name>`,
    `  <uuid>${uuid}</uuid>`,
    "  <memory unit='KiB'>2097152</memory>",
    '  <os>',
    "    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>",
    '  </os>',
    '  <devices>',
    ...interfaces,
    '  </devices>',
    '</domain>',
    '',
  ].join('\n');
}

/** Output of `showvminfo --machinereadable`, without the state. */
export function machineInfo({ uuid, name, macs }: StandInMachine): string {
  const interfaces = macs.flatMap((mac, index) => [
    `nic${index + 1}="bridged"`,
    `macaddress${index + 1}="${mac.replaceAll(':', '').toUpperCase()}"`,
    `cableconnected${index + 1}="on"`,
  ]);
  const lines = [`name="${name}"`, 'ostype="Debian (64-bit)"', `UUID="${uuid}"`, 'memory=2048', 'cpus=2', ...interfaces];
  return `${lines.join('\n')}\n`;
}
