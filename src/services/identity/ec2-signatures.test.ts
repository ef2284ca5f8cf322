/** AWS's own examples of signed requests. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { checkEc2Signature, checkS3Signature, checkSignedTime, type SignedRequest } from './ec2-signatures.ts';

/** Signature Version 2: "DescribeJobFlows" of the documentation. */
const version2: SignedRequest = {
  ...{ access: 'AKIAIOSFODNN7EXAMPLE', verb: 'GET', host: 'elasticmapreduce.amazonaws.com', path: '/' },
  signature: 'i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs=',
  params: {
    ...{ Action: 'DescribeJobFlows', Version: '2009-03-31', AWSAccessKeyId: 'AKIAIOSFODNN7EXAMPLE' },
    ...{ SignatureVersion: '2', SignatureMethod: 'HmacSHA256', Timestamp: '2011-10-03T15:19:30' },
  },
};
const secret2 = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

/** Signature Version 4: `get-vanilla` of the test suite. */
const scope = '20150830/us-east-1/service/aws4_request';
const version4: SignedRequest = {
  ...{ access: 'AKIDEXAMPLE', verb: 'GET', host: 'example.amazonaws.com', path: '/', params: {} },
  body_hash: createHash('sha256').update('').digest('hex'),
  signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  headers: {
    Host: 'example.amazonaws.com',
    'X-Amz-Date': '20150830T123600Z',
    Authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=host;x-amz-date, Signature=x`,
  },
};
const secret4 = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

const refused = { code: 'authenticationFailed' };

test('accepts the examples of both versions, and no changed part of them', () => {
  for (const [request, secret] of [
    [version2, secret2],
    [version4, secret4],
  ] as const) {
    checkEc2Signature(request, secret);
    const changes: Partial<SignedRequest>[] = [
      { verb: 'POST' },
      { path: '/other' },
      { params: { ...request.params, More: '1' } },
      { signature: 'x' },
      { signature: '' },
    ];
    for (const change of changes)
      assert.throws(() => checkEc2Signature({ ...request, ...change }, secret), refused, JSON.stringify(change));
    assert.throws(() => checkEc2Signature(request, `${secret}x`), refused);
  }
});

test('accepts a request whose client signed the host without its port', () => {
  checkEc2Signature({ ...version2, host: `${version2.host}:8788` }, secret2);
});

test('refuses signatures of another version, or of another day than their scope', () => {
  const params = { ...version2.params, SignatureVersion: '0' };
  assert.throws(() => checkEc2Signature({ ...version2, params }, secret2), refused);
  const headers = { ...version4.headers, 'X-Amz-Date': '20150831T123600Z' };
  assert.throws(() => checkEc2Signature({ ...version4, headers }, secret4), refused);
});

test('S3: what was signed by version 1 and 4, of the services of S3 alone', () => {
  const one = 'GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/bucket/photo';
  const signed = (text: string, signature: string) => ({
    access: 'a',
    token: Buffer.from(text).toString('base64url'),
    signature,
  });
  checkS3Signature(signed(one, createHmac('sha1', 's').update(one).digest('base64')), 's');
  const ofService = (service: string) => {
    const text = ['AWS4-HMAC-SHA256', '20150830T123600Z', `20150830/r/${service}/aws4_request`, 'd'].join('\n');
    const hmac = (key: string | Buffer, part: string) => createHmac('sha256', key).update(part).digest();
    const key = ['20150830', 'r', service, 'aws4_request'].reduce<string | Buffer>(hmac, 'AWS4s');
    return signed(text, createHmac('sha256', key).update(text).digest('hex'));
  };
  checkS3Signature(ofService('s3'), 's');
  assert.throws(() => checkS3Signature(ofService('ec2'), 's'), refused);
  assert.throws(() => checkS3Signature({ ...ofService('s3'), signature: 'x' }, 's'), refused);
});

test('a signed time of more than fifteen minutes ago is too old', () => {
  const at = (ms: number) => new Date(Date.now() - ms).toISOString();
  checkSignedTime({ access: 'a', params: { Timestamp: at(14 * 60_000) } });
  checkSignedTime({ access: 'a' });
  for (const Timestamp of [at(16 * 60_000), 'yesterday'])
    assert.throws(() => checkSignedTime({ access: 'a', params: { Timestamp } }), refused);
  assert.throws(() => checkSignedTime({ access: 'a', headers: { 'X-Amz-Date': '20150830T123600Z' } }), refused);
});
