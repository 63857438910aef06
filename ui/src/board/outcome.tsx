import { useEffect, useRef } from 'react'

import { Failure } from '../graphql/client'
import { timeOfDay } from '../shell/words'
import { needsStepUp, type Outcome, stepUpLink } from './orders'

type Reason = { code: string; message: string; rule: string; field: string | null; accepted: string | null }

/** Every reason of a refusal in full, each with the rule that decided. */
export function Reasons({ reasons }: { reasons: readonly Reason[] }) {
  return (
    <ul className="reasons">
      {reasons.map((reason) => (
        <li key={`${reason.code} ${reason.field ?? ''}`}>
          <span>{reason.message}</span>
          {reason.accepted && <span className="accepted">Accepted: {reason.accepted}</span>}
          <code title="The rule that decided">{reason.rule}</code>
        </li>
      ))}
    </ul>
  )
}

const drone: Record<string, string> = {
  accepted: 'the drone accepted it',
  denied: 'the drone denied it: watch it and try again',
  unknown: 'the drone has not answered: watch its mode',
}

/** What became of a command, said where it was given, and brought into sight. */
export function OutcomeNote({ outcome, done }: { outcome: Outcome; done: string }) {
  const note = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // Newer browsers answer with a promise, which is no clean-up to give to React.
    void note.current?.scrollIntoView({ block: 'nearest' })
  }, [outcome])
  return (
    <div ref={note} className="outcome">
      <Said outcome={outcome} done={done} />
    </div>
  )
}

function Said({ outcome, done }: { outcome: Outcome; done: string }) {
  if (outcome instanceof Failure)
    return (
      <div className="note bad" role="alert">
        <p>{outcome.message}</p>
      </div>
    )
  switch (outcome.__typename) {
    case 'Accepted': {
      const heard = outcome.outcome && drone[outcome.outcome]
      return (
        <div
          className={outcome.outcome === 'denied' || outcome.outcome === 'unknown' ? 'note warn' : 'note good'}
          role="status"
        >
          <p>
            {done}
            {outcome.sentAt && ` at ${timeOfDay(outcome.sentAt)}`}
            {heard ? `: ${heard}.` : '.'}
            {!outcome.recorded && ' The record follows when the store is back.'}
          </p>
        </div>
      )
    }
    case 'Refused':
      return (
        <div className="note bad" role="alert">
          <p>Refused. The attempt is on the record at position {outcome.position}.</p>
          <Reasons reasons={outcome.reasons} />
          {needsStepUp(outcome) && (
            <a className="button primary" href={stepUpLink()}>
              Confirm who you are
            </a>
          )}
        </div>
      )
    case 'Mistaken':
      return (
        <div className="note bad" role="alert">
          <p>{outcome.message}</p>
          {outcome.accepted && <p className="accepted">Accepted: {outcome.accepted}</p>}
        </div>
      )
    case 'Unavailable':
      return (
        <div className="note warn" role="alert">
          <p>
            {outcome.message} Try again in {outcome.retryAfterSeconds} s.
          </p>
        </div>
      )
  }
}
