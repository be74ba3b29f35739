/** Addresses as text, the way every protocol here writes them: `ip:port`, IPv6 in brackets. */
export function addressText(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
