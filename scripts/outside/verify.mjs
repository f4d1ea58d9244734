// Verifies a request with the stock Standard Webhooks library: {secret, headers, body} on standard input.
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';

const { secret, headers, body } = JSON.parse(readFileSync(0, 'utf8'));
new Webhook(secret).verify(body, headers);
let refused = false;
try {
  new Webhook(secret).verify(body.replace('order', 'Order'), headers);
} catch {
  refused = true;
}
if (!refused) throw new Error('an altered body was accepted');
