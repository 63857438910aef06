import { type ReactNode, useEffect, useRef, useState } from 'react'

import { Reasons } from '../board/outcome'
import { asFailure, ask, Failure } from '../graphql/client'
import { AuditEventDocument, type AuditEventQuery } from '../graphql/generated/graphql'
import { count, eventName, momentOf, words } from '../shell/words'
import { Outcome } from './table'
import { pretty, type View } from './view'

type Event = NonNullable<AuditEventQuery['auditEvent']>

type Props = { position: number; onClose: () => void; onNarrow: (change: Partial<View['texts']>) => void }

/** The whole event, as people read it and as it is stored. */
export function Drawer({ position, onClose, onNarrow }: Props) {
  const [event, setEvent] = useState<Event | null | Failure>()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    let left = false
    ask(AuditEventDocument, { position }).then(
      ({ auditEvent }) => left || setEvent(auditEvent),
      (error: unknown) => left || setEvent(asFailure(error)),
    )
    return () => {
      left = true
    }
  }, [position])
  return (
    <aside className="drawer" aria-label={`Event ${position}`} data-testid="drawer">
      <header>
        <span className="quiet">Position {count(position)}</span>
        <span className="spring" />
        <button type="button" className="button quiet" onClick={onClose}>
          Close
        </button>
      </header>
      {event === undefined && (
        <p className="empty" aria-busy="true">
          Loading the event…
        </p>
      )}
      {event === null && (
        <p className="empty" role="alert">
          There is no event at position {count(position)}.
        </p>
      )}
      {event instanceof Failure && (
        <p className="note bad" role="alert">
          {event.message}
        </p>
      )}
      {event && !(event instanceof Failure) && (
        <>
          <h2 ref={heading}>{eventName(event.type)}</h2>
          <p className="summary">{event.summary}</p>
          <Whole event={event} onNarrow={onNarrow} />
          <Raw content={event.content} />
        </>
      )}
    </aside>
  )
}

function Whole({ event, onNarrow }: { event: Event; onNarrow: Props['onNarrow'] }) {
  return (
    <dl className="whole">
      <Line name="Who">
        {event.actor.name}, {words(event.role)}, {words(event.organisation)}
        <More onClick={() => onNarrow({ person: event.actor.id })}>All by this person</More>
      </Line>
      <Line name="What">
        <code>{event.type}</code> <span className="quiet">version {event.typeVersion}</span>
        <More onClick={() => onNarrow({ subject: event.stream })}>
          All of <code>{event.stream}</code>
        </More>
      </Line>
      <Line name="When">
        <time dateTime={event.time}>{momentOf(event.time)}</time>
        <code className="below">{event.time}</code>
      </Line>
      <Line name="Where">
        {event.sourceAddress ? (
          <>
            from <code>{event.sourceAddress}</code>
          </>
        ) : (
          'no address recorded'
        )}
        {event.sessionId && <code className="below">{event.sessionId}</code>}
      </Line>
      <Line name="Why">
        {event.purpose ? words(event.purpose) : 'no purpose recorded'}
        {event.caseNumber && (
          <More onClick={() => onNarrow({ case: event.caseNumber ?? '' })}>
            All of <code>{event.caseNumber}</code>
          </More>
        )}
      </Line>
      <Line name="Outcome">
        <Outcome outcome={event.outcome} />
        {event.reasons.length > 0 && <Reasons reasons={event.reasons} />}
      </Line>
      {event.personal.length > 0 && (
        <Line name="Said">
          {event.personal.map((said) => (
            <div key={`${said.field} ${said.subject}`}>
              {said.text ?? 'destroyed with its key'}
              <span className="below">
                {words(said.field.replaceAll('.', ' '))}
                {said.subject !== event.stream && (
                  <>
                    , of <code>{said.subject}</code>
                  </>
                )}
              </span>
            </div>
          ))}
        </Line>
      )}
      <Line name="Rule">
        {event.decidedBy ? <code>{event.decidedBy}</code> : 'none was needed'}
        {event.policyVersion !== null && <span className="below">use policy {event.policyVersion}</span>}
      </Line>
      <Line name="Event id">
        <code>{event.id}</code>
        <span className="below">number {event.streamVersion} of its record</span>
      </Line>
      <Line name="Belongs to">
        <code>{event.correlationId}</code>
        {event.causationId && <code className="below">caused by {event.causationId}</code>}
      </Line>
    </dl>
  )
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function More({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  return (
    <button type="button" className="more" onClick={onClick}>
      {children}
    </button>
  )
}

function Raw({ content }: { content: string }) {
  const [copied, setCopied] = useState<string>()
  const text = pretty(content)
  const copy = () => {
    // What is copied is the event as stored, byte for byte: its hash can be checked.
    navigator.clipboard.writeText(content).then(
      () => setCopied('Copied'),
      () => setCopied('The browser did not allow it: select the text'),
    )
  }
  return (
    <section className="raw" aria-label="The event as stored">
      <header>
        <h3>As stored</h3>
        <span className="quiet" role="status">
          {copied}
        </span>
        <button type="button" className="button plain" onClick={copy}>
          Copy
        </button>
      </header>
      <pre tabIndex={0}>{text}</pre>
    </section>
  )
}
