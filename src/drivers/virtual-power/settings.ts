import { oneOf, portNumber, type SettingsOf, secretText, text } from '#settings/setting.ts';

export const virtualPowerSettings = {
  'virtual_power.ssh_host': text({ help: 'Virtual power: default hypervisor of nodes without `ssh_address`' }),
  'virtual_power.ssh_port': portNumber(22, 'Virtual power: SSH port of the default hypervisor'),
  'virtual_power.type': oneOf(['virsh', 'vbox'], {
    default: 'virsh',
    help: 'Virtual power: type of the default hypervisor, virsh or vbox',
  }),
  'virtual_power.host_user': text({ help: 'Virtual power: SSH user on the default hypervisor' }),
  'virtual_power.host_pass': secretText('Virtual power: password of that user'),
  'virtual_power.host_key': text({ help: 'Virtual power: path of the private key of that user' }),
  'virtual_power.known_hosts': text({
    help: 'Virtual power: known_hosts file with the host keys of hypervisors, for nodes without `ssh_host_key`',
  }),
  'virtual_power.libvirt_uri': text({
    default: 'qemu:///system',
    help: 'Virtual power: default libvirt connection URI',
  }),
};

export type VirtualPowerSettings = SettingsOf<typeof virtualPowerSettings>;
