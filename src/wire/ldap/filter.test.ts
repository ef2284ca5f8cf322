import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFilter } from './filter.ts';

test('filters are encoded as RFC 4511 has them', () => {
  const encoded = {
    '(cn=Babs Jensen)': 'a311 0402636e 040b42616273204a656e73656e',
    '(cn=*)': '8702636e',
    '(!(cn=a))': 'a209 a307 0402636e 040161',
    '(&(a=1)(|(b=2)(c=3)))': 'a01a a306040161040131 a110 a306040162040132 a306040163040133',
    '(o=univ*of*mich*)': 'a415 04016f 3010 8004756e6976 81026f66 81046d696368',
    '(o=*end)': 'a40a 04016f 3005 8203656e64',
    '(n>=5)': 'a506 04016e 040135',
    '(n<=5)': 'a606 04016e 040135',
    '(n~=5)': 'a806 04016e 040135',
    '(cn:dn:2.4.6:=x)': 'a911 8105322e342e36 8202636e 830178 8401ff',
    '(:2.4.6:=x)': 'a90a 8105322e342e36 830178',
    '(o=Parens \\28x\\29)': 'a30f 04016f 040a506172656e7320287829',
  };

  for (const [text, expected] of Object.entries(encoded)) {
    const hex = parseFilter(text).toString('hex');
    assert.equal(hex, expected.replaceAll(' ', ''), text);
  }
});

test('text that is no filter is refused, however deep', () => {
  const wrong = [
    '',
    'cn=a',
    '(cn=a',
    '(cn=a))',
    '(cn)',
    '(=a)',
    '(c n=a)',
    '(cn=a\\zz)',
    '(cn=a(b)',
    '(cn=**)',
    '(cn:dn:a:b:=x)',
    '(:=x)',
  ];

  for (const text of [...wrong, `${'(!'.repeat(40)}(a=b)${')'.repeat(40)}`])
    assert.throws(() => parseFilter(text), SyntaxError, text);
});
