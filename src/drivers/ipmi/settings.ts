import { integer, oneOf, type SettingsOf } from '#settings/setting.ts';

export const ipmiSettings = {
  'ipmi.packets_per_second': integer({
    default: 4000,
    help: 'Maximum outgoing IPMI packets per second, all BMCs together; 0 = unlimited',
  }),
  'ipmi.sessions': integer({
    default: 12_000,
    help: 'Maximum open IPMI sessions, one per BMC; beyond, the least recently used are closed; 0 = unlimited',
  }),
  'ipmi.raw_commands': oneOf(['none', 'read', 'all'], {
    default: 'none',
    help: 'Raw IPMI commands allowed through `send_raw`: none, read (commands known to change nothing) or all',
  }),
};

export type IpmiSettings = SettingsOf<typeof ipmiSettings>;
