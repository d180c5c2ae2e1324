/** Showing a credential, the only time it can be seen. */
import { print } from '../../shared/cli.js';

export interface Credential {
  id: string;
  user: string;
  password: string;
}

export function printCredential(credential: Credential, asJson: boolean): void {
  if (asJson) {
    print(JSON.stringify(credential));
    return;
  }
  print(`CENTRAL_USER=${credential.user}`);
  print(`CENTRAL_PASSWORD=${credential.password}`);
  print('Keep the password now: only its hash is stored, and it cannot be shown again.');
}
