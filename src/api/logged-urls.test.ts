import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';

const fixture = await openApiFixture();
after(() => fixture.close());
const urls: unknown[] = [];
fixture.app.addHook('onRequest', async (request) => {
  const keep = ({ url }: { url: unknown }) => void (request.url.startsWith('/baremetal/') && urls.push(url));
  Object.assign(request.log, { info: keep, debug: keep });
});

for (const path of [
  'nodes/x/vendor_passthru',
  'nodes/x/vendor%5Fpassthru',
  'nodes/x/%76endor_passthru',
  'drivers/x/vendor_passthru',
])
  test(`the log has no arguments of a vendor method at ${path}`, async () => {
    urls.length = 0;

    await fixture.ask({ url: `/baremetal/v1/${path}?method=m&argument=S3CRET` });

    assert.equal(urls.length, 1);
    assert.match(String(urls[0]), /\?…$/);
  });
