import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkDeployFiles } from './deploy-files.ts';

const none = { 'deploy.kernel': '', 'deploy.ramdisk': '', 'deploy.ipa_kernel': '', 'deploy.ipa_ramdisk': '' };
const check = (kernel: string, ramdisk: string) =>
  checkDeployFiles({ ...none, 'deploy.kernel': kernel, 'deploy.ramdisk': ramdisk });
const here = fileURLToPath(import.meta.url);

test('an unreadable deploy kernel or ramdisk stops the start; image ids and no value do not', async () => {
  await check('', '');
  await check(here, '11111111-1111-4111-8111-111111111111');
  await assert.rejects(check('/nowhere/vmlinuz', here), { message: /deploy\.kernel names \/nowhere\/vmlinuz.*ENOENT/ });
  await assert.rejects(checkDeployFiles({ ...none, 'deploy.ipa_ramdisk': '/nowhere/ipa' }), {
    message: /deploy\.ipa_ramdisk names \/nowhere\/ipa.*ENOENT/,
  });
  await assert.rejects(check(here, '/nowhere/initrd'), { message: /deploy\.ramdisk names \/nowhere\/initrd.*ENOENT/ });
});
