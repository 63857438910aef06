import { useTick } from '../shell/clock'
import { bearing, duration, words } from '../shell/words'
import { STALE_AFTER } from './freshness'
import { board, useSample } from './live'

/** The drone's own figures. It alone renders when a sample comes. */
export function Readout({ drone, linkLost }: { drone: string; linkLost: boolean }) {
  useTick()
  const sample = useSample(drone)
  if (!sample)
    return (
      <p className="readout-none" role="status">
        No telemetry from this drone.
      </p>
    )
  const { telemetry } = sample
  const age = board.age(drone) ?? 0
  const stale = age > STALE_AFTER
  const lost = linkLost || telemetry.link === 'lost'
  return (
    <div className={`readout ${stale || lost ? 'stale' : ''}`} data-testid="readout" data-stale={stale}>
      <div className="gauges">
        <Gauge name="Height" unit="m AGL">
          {Math.round(telemetry.aglM).toString()}
        </Gauge>
        <Gauge name="Speed" unit="m/s">
          {telemetry.groundSpeedMps?.toFixed(1)}
        </Gauge>
        <Gauge name="Heading" unit="">
          {telemetry.headingDeg === null ? undefined : bearing(telemetry.headingDeg)}
        </Gauge>
        <Gauge name="Battery" unit="%" level={telemetry.batteryPercent}>
          {telemetry.batteryPercent?.toFixed(0)}
        </Gauge>
      </div>
      <p className="link-line">
        <span className={lost ? 'chip bad' : 'chip good'}>{lost ? 'Link lost' : 'Link up'}</span>
        <span className={telemetry.authenticated ? 'chip good' : 'chip warn'}>
          {telemetry.authenticated ? 'Authenticated' : 'Unauthenticated'}
        </span>
        {telemetry.mode && <span className="chip">{words(telemetry.mode.toLowerCase())}</span>}
        {stale && <span className="chip bad" role="alert">{`Last heard ${duration(age)} ago`}</span>}
      </p>
    </div>
  )
}

type GaugeProps = { name: string; unit: string; level?: number | null; children: string | undefined }

function Gauge({ name, unit, level, children }: GaugeProps) {
  const low = level !== undefined && level !== null && level < 25
  return (
    <div className={low ? 'gauge low' : 'gauge'}>
      <span className="gauge-name">
        {name}
        {low && ' low'}
      </span>
      <span className="gauge-value">
        {children ?? '–'}
        {children !== undefined && unit && <small>{unit}</small>}
      </span>
    </div>
  )
}
