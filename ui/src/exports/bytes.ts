const UNITS = ['bytes', 'kB', 'MB', 'GB'] as const

/** `1.4 MB`: decimal units, as disks are sold by. */
export function bytes(size: number): string {
  let value = size
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
