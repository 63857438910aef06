/** Codes and figures in the words and units that people on a watch floor use. */
import { cityFormat } from './city-time'

const special: Record<string, string> = {
  lasd_west_hollywood: 'LASD West Hollywood',
  city_of_west_hollywood: 'City of West Hollywood',
  la_county_fire: 'LA County Fire',
  block_by_block: 'Block by Block',
  en_route: 'En route',
  on_scene: 'On scene',
}

/** `station_commander` → `Station commander`. */
export function words(code: string): string {
  const known = special[code]
  if (known) return known
  const text = code.replaceAll('_', ' ').trim()
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `org.weho.safer.flight.drone_launched.v1` or `flight.drone_launched.v1` → `Drone launched`. */
export function eventName(type: string): string {
  const parts = type.replace(/^org\.weho\.safer\./, '').split('.')
  return words(parts[1] ?? type)
}

const clock = cityFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const day = cityFormat('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit' })

/** 14:03:22 in the city. */
export function timeOfDay(iso: string): string {
  return clock.format(new Date(iso))
}

/** 2026-11-23 in the city. */
export function dayOf(iso: string): string {
  return day.format(new Date(iso))
}

/** 2026-11-23 14:03:22 in the city. */
export function momentOf(iso: string): string {
  return `${dayOf(iso)} ${timeOfDay(iso)}`
}

/** `4 s`, `2 min 05 s`, `1 h 04 min`: never more than two units. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`
  return `${Math.floor(hours / 24)} days`
}

const grouped = new Intl.NumberFormat('en-US')

/** 12,345. */
export function count(value: number): string {
  return grouped.format(value)
}

const compass = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'] as const

/** `045° NE`. */
export function bearing(degrees: number): string {
  const turned = ((Math.round(degrees) % 360) + 360) % 360
  return `${String(turned).padStart(3, '0')}° ${compass[Math.round(turned / 45) % 8] ?? 'N'}`
}
