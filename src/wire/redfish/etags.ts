/** ETag variants for If-Match of a PATCH, tried in order while the service returns 412 or 428. RFC 9110, 13.1.1. */
import type { RedfishReply } from './redfish-client.ts';

type EtagRow = {
  /** How services that need this variant behave. */
  readonly symptom: string;
  readonly source: string;
  readonly choose: (current: RedfishReply) => string | undefined;
};

export const etagTable: readonly EtagRow[] = [
  {
    symptom:
      'as the rules say: the ETag that was sent, and none where none was. Lenovo XCC and Huawei iBMC take no PATCH without',
    source: 'DSP0266 "ETags"; https://github.com/ansible/ansible/issues/60031; https://github.com/ansible/ansible/pull/56150',
    choose: ({ etag }) => etag,
  },
  {
    symptom:
      'the header is quoted twice, or weak although If-Match compares strongly: the strong form of `@odata.etag` is what fits. Changed meanwhile: read anew, it fits too',
    source: 'https://github.com/ansible-collections/community.general/pull/3268; sushy release note "fix-return-full-weak-etag"',
    choose: ({ body, etag }) => strong(typeof body['@odata.etag'] === 'string' ? body['@odata.etag'] : etag),
  },
  {
    symptom: 'no ETag at all fits: new Lenovo XCC firmware answers 412 to the very ETag that it sent',
    source: 'https://github.com/ansible-collections/community.general/pull/11270; sushy connector, `_etag_handler`',
    choose: () => undefined,
  },
  {
    symptom:
      'there must be a precondition, but no ETag that was sent fulfils it (Gigabyte with AMI firmware: 428 to the weak form, 412 to the strong). Any version will do: nobody else asks through us',
    source:
      'https://github.com/ansible-collections/community.general/pull/6434; https://github.com/openshift/openshift-docs/pull/86819',
    choose: () => '*',
  },
];

/** If-Match never matches a weak ETag. */
function strong(etag: string | undefined): string | undefined {
  return etag?.replace(/^W\//, '');
}
