import type { BoardSubscription } from '../src/graphql/generated/graphql'
import type { Flight, Telemetry } from '../src/board/store'

type Moved = { latitude?: number; at?: string }

export function sampleTelemetry({ latitude = 34.09, at = '2026-11-23T06:00:00.000000Z' }: Moved = {}): Telemetry {
  return {
    at,
    deviceTime: null,
    place: { latitude, longitude: -118.37 },
    aglM: 60,
    headingDeg: 90,
    groundSpeedMps: 12,
    climbMps: 0,
    batteryPercent: 80,
    mode: 'GUIDED',
    armed: true,
    link: 'up',
    authenticated: true,
    cameraPitchDeg: 0,
  }
}

export function sampleFlight(part: Partial<Flight> = {}): Flight {
  return {
    id: 'flight-1',
    state: 'requested',
    purpose: 'call_for_service',
    callNumber: '26-1',
    caseNumber: null,
    pilot: { id: 'person-a', name: 'A' },
    requestedBy: { id: 'person-b', name: 'B' },
    droneId: 'drone-1',
    dockId: 'dock-1',
    destination: { latitude: 34.09, longitude: -118.36 },
    requestedAt: '2026-11-23T06:00:00Z',
    authorisedAt: null,
    authorisationExpiresAt: null,
    launchedAt: null,
    arrivedAt: null,
    returnOrderedAt: null,
    landedAt: null,
    maxAglM: null,
    linkLost: false,
    reasons: [],
    policyVersion: 1,
    ...part,
  }
}

export function sampleBoard(moved: Moved = {}): BoardSubscription['board'] {
  return {
    position: 7,
    lag: 0,
    appliedAt: '2026-11-23T06:00:00Z',
    incompleteStreams: [],
    calls: [],
    docks: [],
    flights: [sampleFlight()],
    drones: [
      {
        id: 'drone-1',
        registration: 'N1',
        model: 'M',
        dockId: 'dock-1',
        status: 'flying',
        flightId: 'flight-1',
        telemetry: sampleTelemetry(moved),
      },
    ],
  }
}
