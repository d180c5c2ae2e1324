/**
 * A certificate nobody vouches for, made on the spot: the least X.509 (RFC 5280) that TLS takes, signed with its own
 * key.
 */
import { generateKeyPairSync, sign } from 'node:crypto';

function der(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return new Uint8Array([tag, ...length, ...content]);
}

const SEQUENCE = 0x30;
const UTC_TIME = 0x17;
const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** PEM files for `https.createServer`, valid from 2020 to 2049. */
export function selfSigned(commonName: string): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const ecdsaWithSha256 = der(SEQUENCE, der(0x06, bytes(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)));
  const attribute = der(SEQUENCE, der(0x06, bytes(0x55, 0x04, 0x03)), der(0x0c, text(commonName)));
  const name = der(SEQUENCE, der(0x31, attribute));
  const validity = der(SEQUENCE, der(UTC_TIME, text('200101000000Z')), der(UTC_TIME, text('491231235959Z')));
  const publicKeyInfo = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const serial = der(0x02, bytes(1));
  const toSign = der(SEQUENCE, serial, ecdsaWithSha256, name, validity, name, publicKeyInfo);
  const signature = new Uint8Array(sign('sha256', toSign, privateKey));
  const certificate = der(SEQUENCE, toSign, ecdsaWithSha256, der(0x03, bytes(0), signature));
  const base64 = Buffer.from(certificate)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}
