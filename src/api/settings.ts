/** The settings that the API reads. */
import type {
  ComplianceSettings,
  IdentitySettings,
  KeystoneSettings,
  LdapSettings,
  OidcSettings,
} from '#services/identity/settings.ts';
import { type SettingsOf, text } from '#settings/setting.ts';
import type { ApiSettings, DeploySettings, ImageSettings, ProvisioningSettings, StateSettings } from '#settings/site.ts';
import type { StoreSettings } from '#store/settings.ts';

export const policySettings = {
  'policy.file': text({
    help: 'File that overrides policy rules, `name: "check"` in YAML or JSON as oslo.policy\'s; docs/policies.md lists the rules',
  }),
};

export type ApiPartSettings = ApiSettings &
  DeploySettings &
  ImageSettings &
  ProvisioningSettings &
  StateSettings &
  SettingsOf<typeof policySettings> &
  Pick<IdentitySettings, 'region' | 'token.allow_expired_window'> &
  ComplianceSettings &
  KeystoneSettings &
  LdapSettings &
  OidcSettings &
  Pick<StoreSettings, 'records.keep'>;
