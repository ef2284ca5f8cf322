import { RedfishError } from '#wire/redfish/redfish-client.ts';

/**
 * Copy of an error with secrets replaced by `***`. The client masks secrets sent in known fields; a failed task, or a
 * BIOS password in a vendor's own field, can still repeat one.
 */
export function withoutSecrets(error: unknown, secrets: readonly string[]): unknown {
  const nonEmpty = secrets.filter((secret) => secret !== '');
  if (!(error instanceof RedfishError) || nonEmpty.length === 0) return error;
  const mask = (text: string) => nonEmpty.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
  const { failure, request, status, messageIds, lacksPrivilege } = error;
  const detail = mask(error.message.slice(request.length + 2));
  const messages = error.messages.map(mask);
  return new RedfishError(failure, {
    request,
    detail,
    messages,
    messageIds,
    lacksPrivilege,
    ...(status !== undefined && { status }),
  });
}
