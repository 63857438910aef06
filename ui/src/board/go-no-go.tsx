import type { FindingInput, RequestLaunchInput } from '../graphql/generated/graphql'

export const CONDITIONS = ['weather', 'traffic', 'airspace'] as const
type Condition = (typeof CONDITIONS)[number]
type Finding = { go: 'go' | 'no_go' | 'unknown'; source: string; accepted: boolean }
export type Conditions = Record<Condition, Finding>

const notAsked: Finding = { go: 'unknown', source: '', accepted: false }
export const NOT_ASKED: Conditions = { weather: notAsked, traffic: notAsked, airspace: notAsked }

const NAMES: Record<Condition, string> = { weather: 'Weather', traffic: 'Crewed traffic', airspace: 'Airspace' }

/** The findings as the command says them. Only the pilot himself can accept what is unknown. */
export function said(
  conditions: Conditions,
  ownFlight: boolean,
): Pick<RequestLaunchInput, 'conditions' | 'acceptUnknowns'> {
  const finding = ({ go, source }: Finding): FindingInput =>
    go === 'unknown' ? { go } : { go, source: source.trim() || 'asked by hand' }
  return {
    conditions: {
      weather: finding(conditions.weather),
      traffic: finding(conditions.traffic),
      airspace: finding(conditions.airspace),
    },
    acceptUnknowns: CONDITIONS.filter(
      (name) => ownFlight && conditions[name].go === 'unknown' && conditions[name].accepted,
    ),
  }
}

type Props = { conditions: Conditions; ownFlight: boolean; onChange: (conditions: Conditions) => void }

/** What was found out before the flight. Unknown is no-go unless the pilot accepts it, and that is recorded. */
export function GoNoGo({ conditions, ownFlight, onChange }: Props) {
  const set = (name: Condition, part: Partial<Finding>) =>
    onChange({ ...conditions, [name]: { ...conditions[name], ...part } })
  return (
    <fieldset className="go-no-go">
      <legend>Go or no-go</legend>
      {CONDITIONS.map((name) => {
        const { go, source, accepted } = conditions[name]
        return (
          <div key={name} className="condition">
            <span id={`condition-${name}`}>{NAMES[name]}</span>
            <select
              aria-labelledby={`condition-${name}`}
              value={go}
              onChange={(event) => set(name, { go: event.target.value as Finding['go'] })}
            >
              <option value="unknown">Unknown</option>
              <option value="go">Go</option>
              <option value="no_go">No-go</option>
            </select>
            {go !== 'unknown' ? (
              <input
                aria-label={`Source for ${NAMES[name].toLowerCase()}`}
                placeholder="source"
                value={source}
                onChange={(event) => set(name, { source: event.target.value })}
              />
            ) : ownFlight ? (
              <label className="check">
                <input
                  type="checkbox"
                  checked={accepted}
                  onChange={(event) => set(name, { accepted: event.target.checked })}
                />
                <span>I accept this</span>
              </label>
            ) : (
              <span className="quiet">is no-go</span>
            )}
          </div>
        )
      })}
    </fieldset>
  )
}
