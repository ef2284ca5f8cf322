import { integer, type SettingsOf, seconds, text } from '#settings/setting.ts';

export const tileraPduSettings = {
  'tilera.pdu_mgr': text({
    default: '/tftpboot/pdu_mgr',
    help: 'Tilera PDU: path of the manager program (tile_pdu_mgr)',
  }),
  'tilera.pdu_on': integer({ default: 1, help: 'Tilera PDU: mode argument for power on' }),
  'tilera.pdu_off': integer({ default: 2, help: 'Tilera PDU: mode argument for power off' }),
  'tilera.pdu_reboot': integer({ default: 3, help: 'Tilera PDU: mode argument for reboot' }),
  'tilera.pdu_status': integer({ default: 9, help: 'Tilera PDU: mode argument for status' }),
  'tilera.timeout': seconds(30, 'Tilera PDU: timeout of the manager program'),
};

export type TileraPduSettings = SettingsOf<typeof tileraPduSettings>;
