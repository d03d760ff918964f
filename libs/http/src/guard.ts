import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';

/** Resolves a name to all its addresses. */
export type Resolve = (hostname: string, done: (error: Error | null, addresses: LookupAddress[]) => void) => void;

/** An address that may not be called. The message is for operators; it may name an address, but no secret. */
export class NotAllowed extends Error {
  readonly code = 'NOT_ALLOWED';
}

type Range = ReturnType<typeof ipaddr.parseCIDR>;

/** Ranges (names of ipaddr.js) that the name of an allowed host opens; link-local, with the clouds' metadata, is none. */
const INSIDE = new Set(['private', 'loopback', 'uniqueLocal', 'carrierGradeNat']);
/** All that is assigned for public IPv6 (RFC 4291, 2.4); outside lie such oddities as ::127.0.0.1 and 64:ff9b::/96. */
const PUBLIC_IPV6 = ipaddr.parseCIDR('2000::/3');
/** What an entry is that equals the host of no URL. */
const NO_HOST = 'is no name or address of a host';

const resolveAll: Resolve = (hostname, done) => {
  systemLookup(hostname, { all: true }, done);
};

/**
 * Keeps calls away from what they may not reach (server-side request forgery): the scheme, the host, and the address
 * that is really connected, so that a name that changes between check and connection (DNS rebinding) gains nothing.
 */
export class Guard {
  private readonly allowed: string[];
  private readonly privateNames: Set<string>;
  private readonly privateRanges: Range[];

  constructor(
    settings: { allowedHosts: string[]; privateHosts: string[] },
    private readonly resolve: Resolve = resolveAll,
  ) {
    this.allowed = settings.allowedHosts.map((one) => hostOf(one.toLowerCase()));
    const inside = settings.privateHosts.map((one) => hostOf(one.toLowerCase()));
    this.privateNames = new Set(inside.filter((one) => rangeOf(one) === null));
    this.privateRanges = inside.map(rangeOf).filter((range) => range !== null);
  }

  /** Throws NotAllowed where the URL may not be called, as far as it shows without a name resolution. */
  checkUrl(url: URL): void {
    const host = hostOf(url.hostname);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new NotAllowed('its address is not https');
    if (url.username !== '' || url.password !== '') throw new NotAllowed('its address holds a user name or password');
    if (this.allowed.length > 0 && !this.allowed.some((pattern) => matches(pattern, host))) {
      throw new NotAllowed(`the host ${host} is not one of allowed_hosts`);
    }
    if (isIP(host) !== 0) this.checkAddress(host, host, url.protocol);
    const mayBeInside = this.privateNames.has(host) || this.privateRanges.length > 0;
    if (url.protocol === 'http:' && !mayBeInside) throw new NotAllowed('its address is not https');
  }

  /** Throws NotAllowed where the address of a host may not be connected. */
  checkAddress(address: string, host: string, protocol: string): void {
    const parsed = ipaddr.isValid(address) ? ipaddr.process(address) : null;
    if (parsed === null) throw new NotAllowed('its address cannot be read');
    const range = parsed.range();
    const byRange = this.privateRanges.some((one) => one[0].kind() === parsed.kind() && parsed.match(one));
    if (byRange || (this.privateNames.has(host) && INSIDE.has(range))) return;
    const isPublic = range === 'unicast' && (parsed.kind() === 'ipv4' || parsed.match(PUBLIC_IPV6));
    if (!isPublic) throw new NotAllowed(`${host} is not on the public internet: private_hosts would allow it`);
    if (protocol !== 'https:') throw new NotAllowed('its address is not https');
  }

  /** Connects for undici to checked addresses only. */
  connector(options: buildConnector.BuildOptions, protocol: string): buildConnector.connector {
    const connect = buildConnector({ ...options, lookup: this.lookup(protocol) });
    return (target, callback) => {
      const host = hostOf(target.hostname);
      try {
        // Node asks no lookup for what is an address already.
        if (isIP(host) !== 0) this.checkAddress(host, host, protocol);
      } catch (error) {
        callback(error as Error, null);
        return;
      }
      connect(target, callback);
    };
  }

  /** The lookup of a socket: it gets the checked addresses and so can connect to no other. */
  private lookup(protocol: string): LookupFunction {
    return (hostname, options, done) => {
      this.resolve(hostname, (error, addresses) => {
        const [first] = addresses;
        if (error ?? first === undefined) {
          done(error ?? Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), []);
          return;
        }
        try {
          // One bad address among good ones is an attack or a mistake: neither is worth a connection.
          for (const { address } of addresses) this.checkAddress(address, hostOf(hostname), protocol);
        } catch (refusal) {
          done(refusal as NodeJS.ErrnoException, []);
          return;
        }
        if (options.all) done(null, addresses);
        else done(null, first.address, first.family);
      });
    };
  }
}

/** What is wrong with an entry of `private_hosts`; null where it is a name, an address or a CIDR range. */
export function privateHostProblem(entry: string): string | null {
  if (entry.includes('/')) return rangeOf(entry) === null ? 'is no CIDR range' : null;
  const host = hostOf(entry.toLowerCase());
  return isIP(host) !== 0 || isHost(host) ? null : NO_HOST;
}

/** What is wrong with an entry of `allowed_hosts`; null where it is a host, or `*.` and one. */
export function allowedHostProblem(entry: string): string | null {
  return isHost(hostOf(entry.toLowerCase()).replace(/^\*\./, '')) ? null : NO_HOST;
}

/** Whether it is written as URLs have it: others are equal to none. */
function isHost(host: string): boolean {
  const url = URL.parse(`https://${isIP(host) === 6 ? `[${host}]` : host}`);
  return url !== null && !host.includes('*') && hostOf(url.hostname) === host;
}

/** A host as it is compared: without the brackets of IPv6 and the dot of the root. */
function hostOf(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function rangeOf(value: string): Range | null {
  if (ipaddr.isValidCIDR(value)) return ipaddr.parseCIDR(value);
  if (isIP(value) === 0) return null;
  const address = ipaddr.process(value);
  return [address, address.kind() === 'ipv4' ? 32 : 128] as Range;
}

function matches(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
}
