/**
 * IPMI 1.5 captures of ipmitool and OpenIPMI's simulator: checks each signature, re-encodes each packet identically.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { readCapture } from '#test/captures/capture-file.ts';
import type { Direction } from '#test/captures/udp-relay.ts';
import { decode, encode } from '../bytes/fields.ts';
import { decodeAsf, encodeAsf } from '../rmcp/asf-presence.ts';
import {
  decodeLegacyPacket,
  decodeSignedPacket,
  encodeLegacyPacket,
  encodeSignedPacket,
  legacyKey,
  peekLegacySession,
} from '../rmcp/legacy-packet.ts';
import { rmcpClasses } from '../rmcp/rmcp-header.ts';
import { SequenceWindow } from '../rmcp/sequence-window.ts';
import { activateSession, closeSession, getSessionChallenge } from './app-commands.ts';
import { findCommand } from './commands.ts';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from './message.ts';

const folder = join(import.meta.dirname, '../../../test/captures/ipmi-1.5');

function isAsf(packet: Buffer): boolean {
  return packet[3] === rmcpClasses.asf;
}

/** Decodes a message with its row of the command table and encodes it again. */
function repeatMessage(message: Buffer, direction: Direction, commands: string[]): Buffer {
  if (direction === 'to-bmc') {
    const request = decodeRequest(message);
    const row = findCommand(request.netFn, request.command);
    if (!row) return encodeRequest(request);
    commands.push(row.name);
    return encodeRequest({ ...request, data: encode(row.request, decode(row.request, request.data, row.name)) });
  }
  const response = decodeResponse(message);
  const row = findCommand(response.netFn, response.command);
  if (!row || response.completion !== 0) return encodeResponse(response);
  return encodeResponse({ ...response, data: encode(row.response, decode(row.response, response.data, row.name)) });
}

suite('decodes, verifies and re-encodes captured exchanges of IPMI 1.5', () => {
  for (const file of readdirSync(folder)) {
    test(file, async () => {
      const { notes, packets } = await readCapture(join(folder, file));
      const key = legacyKey(notes['password'] ?? '');
      const commands: string[] = [];
      const windows = new Map<string, SequenceWindow>();
      for (const { packet, direction } of packets) {
        if (isAsf(packet)) {
          assert.equal(encodeAsf(decodeAsf(packet)).toString('hex'), packet.toString('hex'));
          continue;
        }
        if (peekLegacySession(packet) === 0) {
          const again = encodeLegacyPacket(repeatMessage(decodeLegacyPacket(packet), direction, commands));
          assert.equal(again.toString('hex'), packet.toString('hex'));
          continue;
        }
        const signed = decodeSignedPacket(packet, key);
        const again = encodeSignedPacket({ ...signed, message: repeatMessage(signed.message, direction, commands) }, key);
        assert.equal(again.toString('hex'), packet.toString('hex'));
        if (signed.sequence === 0) continue;
        // The response to Activate Session still carries the session id of the challenge.
        const end = `${signed.session} ${direction}`;
        const window = windows.get(end) ?? new SequenceWindow((signed.sequence - 1) >>> 0);
        assert.ok(window.take(signed.sequence), 'the sequence number is fresh');
        windows.set(end, window);
      }
      for (const { name } of [getSessionChallenge, activateSession, closeSession]) assert.ok(commands.includes(name), name);
    });
  }
});
