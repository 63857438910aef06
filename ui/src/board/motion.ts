/**
 * Smooth motion out of samples that come in steps.
 *
 * Each new sample starts a leg from where the drone is drawn now to where it was told to be, as long as samples have
 * lately been apart. The drawing is at most one interval behind and never runs ahead of what was heard.
 */
export type Pose = { longitude: number; latitude: number; headingDeg: number }
export type Leg = { from: Pose; to: Pose; startedAt: number; lengthMs: number }

const SHORTEST_MS = 60
const LONGEST_MS = 1_200

/** The signed turn from one heading to another, the short way round, in degrees (-180, 180]. */
export function turn(from: number, to: number): number {
  const raw = (((to - from) % 360) + 360) % 360
  return raw > 180 ? raw - 360 : raw
}

/** Where the drone is drawn at `now`. */
export function poseAt(leg: Leg, now: number): Pose {
  const part = leg.lengthMs <= 0 ? 1 : Math.min(1, Math.max(0, (now - leg.startedAt) / leg.lengthMs))
  const between = (a: number, b: number) => a + (b - a) * part
  return {
    longitude: between(leg.from.longitude, leg.to.longitude),
    latitude: between(leg.from.latitude, leg.to.latitude),
    headingDeg: (leg.from.headingDeg + turn(leg.from.headingDeg, leg.to.headingDeg) * part + 360) % 360,
  }
}

/** The leg that follows `before` when a sample comes at `now`. A first sample, or one after a long silence, jumps. */
export function nextLeg(before: Leg | undefined, to: Pose, now: number): Leg {
  if (!before) return { from: to, to, startedAt: now, lengthMs: 0 }
  const apart = now - before.startedAt
  if (apart > 4 * LONGEST_MS) return { from: to, to, startedAt: now, lengthMs: 0 }
  const smoothed = before.lengthMs > 0 ? before.lengthMs * 0.7 + apart * 0.3 : apart
  const lengthMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, smoothed))
  return { from: poseAt(before, now), to, startedAt: now, lengthMs }
}

/** Metres between two places; flat-earth, right to a millimetre at this scale. */
export function metres(a: Pick<Pose, 'longitude' | 'latitude'>, b: Pick<Pose, 'longitude' | 'latitude'>): number {
  const perDegree = 111_320
  const east = (b.longitude - a.longitude) * perDegree * Math.cos((a.latitude * Math.PI) / 180)
  const north = (b.latitude - a.latitude) * perDegree
  return Math.hypot(east, north)
}
