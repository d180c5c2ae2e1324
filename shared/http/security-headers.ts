/**
 * The security headers of an API that answers data alone: no page is rendered, framed, scripted or referred from.
 * As few as protect something, because a village pays for every byte of an answer. And those of the programs' own pages,
 * which load from, and speak to, nothing but the program they came from.
 */
import type { RequestHandler } from 'express';
import helmet, { type HelmetOptions } from 'helmet';

export interface SecurityHeadersOptions {
  /** True where answers go out over TLS: only then may browsers be told to insist on it. */
  tls: boolean;
}

const OF_BOTH = {
  xContentTypeOptions: true,
  crossOriginResourcePolicy: { policy: 'same-origin' },
  // What these guard against takes a foreign page or a plug-in; the content policies leave neither anything to load.
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xFrameOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
} as const satisfies HelmetOptions;

export function securityHeaders({ tls }: SecurityHeadersOptions): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'frame-ancestors': ["'none'"],
        ...(tls ? { 'upgrade-insecure-requests': [] } : {}),
      },
    },
    strictTransportSecurity: tls,
    referrerPolicy: { policy: 'no-referrer' },
    ...OF_BOTH,
    crossOriginOpenerPolicy: false,
  });
}

/** Of a page: scripts, styles and pictures from files of its own origin alone, nothing inline. */
export function pageSecurityHeaders({ tls }: SecurityHeadersOptions): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'"],
        'connect-src': ["'self'"],
        'form-action': ["'self'"],
        'base-uri': ["'none'"],
        'frame-ancestors': ["'none'"],
        'require-trusted-types-for': ["'script'"],
        ...(tls ? { 'upgrade-insecure-requests': [] } : {}),
      },
    },
    strictTransportSecurity: tls,
    // With no referrer at all browsers would not say of a form which page it came from.
    referrerPolicy: { policy: 'same-origin' },
    ...OF_BOTH,
    // Browsers heed it over TLS alone, and complain of it elsewhere.
    crossOriginOpenerPolicy: tls,
  });
}
