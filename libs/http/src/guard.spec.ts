import { describe, expect, it } from '@jest/globals';
import { allowedHostProblem, Guard, privateHostProblem } from './guard.js';

const listed = (text: string): string[] =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
const guardOf = (privateHosts: string, allowedHosts = '') =>
  new Guard({ privateHosts: listed(privateHosts), allowedHosts: listed(allowedHosts) });
const check = (url: string, privateHosts = '', allowedHosts = '') => {
  guardOf(privateHosts, allowedHosts).checkUrl(new URL(url));
};

describe('Guard', () => {
  it.each([
    ['https://example.atlassian.net/x', ''],
    ['https://8.8.8.8/', ''],
    ['https://[2606:4700::1]/', ''],
    ['http://127.0.0.1:8090/', '127.0.0.1'],
    ['http://127.0.0.1:8090/', '127.0.0.0/8'],
    ['http://[::1]:8090/', '::1'],
    ['http://[fd00::5]/', 'fd00::/8'],
    ['http://jira.intern/', 'Jira.Intern'],
    ['http://jira.intern./', 'jira.intern'],
    ['http://jira.intern/', '10.0.0.0/8'],
    ['https://[::ffff:10.0.0.1]/', '10.0.0.0/8'],
  ])('lets %s pass with private_hosts "%s"', (url, privateHosts) => {
    expect(() => check(url, privateHosts)).not.toThrow();
  });

  it.each([
    ['ftp://example.com/', ''],
    ['file:///etc/passwd', ''],
    ['http://example.com/', ''],
    ['http://8.8.8.8/', '10.0.0.0/8'],
    ['https://10.0.0.1/', '10.0.1.0/24'],
    ['https://0x7f.1/', ''],
    ['https://0177.0.0.1/', ''],
    ['https://[::ffff:7f00:1]/', ''],
    ['https://[fe80::1]/', 'fd00::/8'],
    ['https://user@example.com/', ''],
  ])('refuses %s with private_hosts "%s"', (url, privateHosts) => {
    expect(() => check(url, privateHosts)).toThrow();
  });

  it('keeps to the list of hosts', () => {
    const list = '*.atlassian.net, api.example.com';

    expect(() => check('https://a.atlassian.net/', '', list)).not.toThrow();
    expect(() => check('https://api.example.com/', '', list)).not.toThrow();
    expect(() => check('https://atlassian.net/', '', list)).toThrow('allowed_hosts');
    expect(() => check('https://atlassian.net.evil.example/', '', list)).toThrow('allowed_hosts');
    expect(() => check('https://evilatlassian.net/', '', list)).toThrow('allowed_hosts');
    expect(() => check('https://api.example.com.evil.example/', '', list)).toThrow('allowed_hosts');
  });

  it.each([
    ['10.1.2.3', true],
    ['127.0.0.1', true],
    ['fd12::1', true],
    ['169.254.169.254', false],
    ['224.0.0.1', false],
    ['0.0.0.0', false],
    ['no address', false],
  ])('connects the name of an inner host to %s: %s', (address, isAllowed) => {
    const connect = () => {
      guardOf('jira.intern').checkAddress(address, 'jira.intern', 'http:');
    };

    if (isAllowed) expect(connect).not.toThrow();
    else expect(connect).toThrow();
  });

  it.each([
    ['10.0.0.0/99', 'is no CIDR range'],
    ['https://jira.intern', 'is no CIDR range'],
    ['*.intern', 'is no name or address of a host'],
    ['jira.intern:8080', 'is no name or address of a host'],
    ['10.0.0.0/8', null],
    ['jira.intern', null],
    ['JIRA.intern.', null],
    ['::1', null],
    ['[0:0::1]', null],
  ])('takes %s as a private host: %s', (entry, problem) => {
    expect(privateHostProblem(entry)).toBe(problem);
  });

  it.each([
    ['*.atlassian.net', true],
    ['API.example.com.', true],
    ['xn--mller-kva.example', true],
    ['10.0.0.1', true],
    ['[::1]', true],
    ['*', false],
    ['jira.*.net', false],
    ['https://x.y', false],
    ['x.y/z', false],
    ['x.y:443', false],
    ['user@x.y', false],
    ['two words', false],
    // A URL has it as xn--mller-kva.example, and 0x7f.1 as 127.0.0.1.
    ['müller.example', false],
    ['0x7f.1', false],
  ])('takes %s as an allowed host: %s', (entry, isOne) => {
    expect(allowedHostProblem(entry)).toBe(isOne ? null : 'is no name or address of a host');
  });
});
