import { RedfishError } from '#wire/redfish/redfish-client.ts';

/**
 * The same error with `***` in place of secrets. The client masks what it sent under a telling name; a task that failed
 * and a BIOS password under a name of the vendor's own can still repeat one.
 */
export function withoutSecrets(error: unknown, secrets: readonly string[]): unknown {
  const telling = secrets.filter((secret) => secret !== '');
  if (!(error instanceof RedfishError) || telling.length === 0) return error;
  const mask = (text: string) => telling.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
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
