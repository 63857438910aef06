/** Overrides: who asks to lift a mask, who decides, what is in effect, what is yet to be justified and reviewed. */
import { type ReactNode, useCallback, useState } from 'react'

import { useOrder } from '../board/orders'
import { OutcomeNote, Reasons } from '../board/outcome'
import { faultsOf, Field, isAccepted, OrderForm } from '../forms/field'
import { type Basis, basisInWords, basisOf, LegalBasisFields, missingOfBasis, NO_BASIS } from '../forms/legal-basis'
import { nameOf, useSources } from '../cameras/sources'
import { ask, BY_ITSELF } from '../graphql/client'
import {
  ApproveOverrideDocument,
  JustifyOverrideDocument,
  OverridesDocument,
  type OverridesQuery,
  RefuseOverrideDocument,
  ReviewOverrideDocument,
} from '../graphql/generated/graphql'
import { serverNow, useTick } from '../shell/clock'
import { Desk, Fact, type Kind, Unread, useListed } from '../shell/desk'
import { useViewer } from '../shell/viewer'
import { count, dayOf, duration, timeOfDay, words } from '../shell/words'

type Override = OverridesQuery['overrides']['edges'][number]['node']
type Which = 'queue' | 'active' | 'unjustified' | 'reviews' | 'all'

const KINDS: readonly Kind<Which>[] = [
  { code: 'queue', name: 'Waiting', empty: 'Nobody waits for an answer.' },
  { code: 'active', name: 'In effect', empty: 'No mask is lifted now.' },
  { code: 'unjustified', name: 'To justify', empty: 'Every break-glass is justified.' },
  { code: 'reviews', name: 'To review', empty: 'Every override that was in effect is reviewed.' },
  { code: 'all', name: 'All', empty: 'No override was ever asked for.' },
]

export function OverridesPage() {
  const viewer = useViewer()
  const sources = useSources()
  const [which, setWhich] = useState<Which>(viewer.can('review_override') ? 'reviews' : 'queue')
  const load = useCallback(
    (at: number | undefined) =>
      ask(OverridesDocument, { which, target: null, at: at ?? null }, BY_ITSELF).then(({ overrides }) =>
        overrides.edges.map(({ node }) => node),
      ),
    [which],
  )
  const { rows, failure, again } = useListed(load)
  return (
    <Desk
      title="Overrides"
      explained={
        viewer.can('read_overrides')
          ? 'Each lifts one mask or zone for one stretch of time, on a legal basis. It ends by itself and is reviewed.'
          : 'Your own. Each lifts one mask or zone for one stretch of time, ends by itself and is reviewed.'
      }
      kinds={KINDS}
      shown={which}
      onShow={setWhich}
      count={rows?.length}
    >
      <Unread failure={failure} again={again} />
      {rows?.map((override) => (
        <Item key={override.id} override={override} target={nameOf(override.target, sources)} onDone={again} />
      ))}
    </Desk>
  )
}

type Props = { override: Override; target: string; onDone: (at: number) => void }

const LOOKS: Record<string, string> = { waiting: 'warn', active: 'bad', expired: '', refused: '', unanswered: '' }

function Item({ override, target, onDone }: Props) {
  const viewer = useViewer()
  const [doing, setDoing] = useState<'approve' | 'refuse' | 'justify' | 'review'>()
  const own = override.requestedBy.id === viewer.id
  const decides = override.state === 'waiting' && viewer.can('approve_override') && !own
  const justifies = override.emergency && override.justifyBy !== null && !override.justifiedAt && own
  const reviews =
    override.state === 'expired' && override.reviewBy !== null && !override.reviewedAt && viewer.can('review_override')
  const late = override.justificationOverdue || override.reviewOverdue
  const done = (at: number) => {
    setDoing(undefined)
    onDone(at)
  }
  return (
    <article className={late ? 'item late' : 'item'} data-override={override.id} data-state={override.state}>
      <header>
        <span className={`chip ${LOOKS[override.state] ?? ''}`}>
          {override.state === 'active' ? 'in effect' : words(override.state).toLowerCase()}
        </span>
        {override.emergency && <span className="chip bad">break-glass</span>}
        <h2>{target}</h2>
        <span className="spring" />
        {override.state === 'waiting' && override.awaitsUntil && <Until at={override.awaitsUntil} what="lapses in" />}
        {override.state === 'active' && override.expiresAt && <Until at={override.expiresAt} what="ends in" />}
        {override.justificationOverdue && <span className="chip bad">justification overdue</span>}
        {override.reviewOverdue && <span className="chip bad">review overdue</span>}
      </header>
      <dl className="facts">
        <Fact name="Asked for by">
          {override.requestedBy.name}, {dayOf(override.requestedAt)} {timeOfDay(override.requestedAt)}
        </Fact>
        <Fact name="Of the time">
          {dayOf(override.since)} {timeOfDay(override.since)} to {timeOfDay(override.until)}
        </Fact>
        <Fact name="Purpose">{words(override.purpose)}</Fact>
        <Fact name="Call">{override.callNumber}</Fact>
        <Fact name="Case">{override.caseNumber}</Fact>
        <Fact name="Legal basis">{override.legalBasis && basisInWords(override.legalBasis)}</Fact>
        <Fact name="For">{override.minutes && `${override.minutes} minutes`}</Fact>
        <Fact name={override.state === 'refused' ? 'Refused by' : 'Approved by'}>
          {override.decidedBy &&
            `${override.decidedBy.name}${override.decidedAt ? `, ${dayOf(override.decidedAt)} ${timeOfDay(override.decidedAt)}` : ''}`}
        </Fact>
        <Fact name="Used">{override.uses > 0 && `${count(override.uses)} times`}</Fact>
        <Fact name="Review">
          {override.reviewedAt
            ? `${words(override.verdict ?? '')}, ${dayOf(override.reviewedAt)}`
            : override.reviewBy && `due ${dayOf(override.reviewBy)} ${timeOfDay(override.reviewBy)}`}
        </Fact>
      </dl>
      {override.texts?.why && <p className="said">{override.texts.why}</p>}
      {override.texts?.justification && <p className="said">Justified: {override.texts.justification}</p>}
      {override.texts?.findings && <p className="said">Reviewed: {override.texts.findings}</p>}
      {override.reasons.length > 0 && <Reasons reasons={override.reasons} />}
      <div className="acts">
        {decides && <Approve override={override.id} onDone={done} />}
        {decides && (
          <button
            type="button"
            className="button"
            aria-expanded={doing === 'refuse'}
            onClick={() => setDoing('refuse')}
          >
            Refuse…
          </button>
        )}
        {justifies && doing !== 'justify' && (
          <button type="button" className="button primary" onClick={() => setDoing('justify')}>
            Justify…
          </button>
        )}
        {reviews && doing !== 'review' && (
          <button type="button" className="button primary" onClick={() => setDoing('review')}>
            Review…
          </button>
        )}
      </div>
      {doing === 'refuse' && <Refuse override={override.id} onDone={done} />}
      {doing === 'justify' && <Justify override={override.id} onDone={done} />}
      {doing === 'review' && <Review override={override.id} onDone={done} />}
    </article>
  )
}

function Until({ at, what }: { at: string; what: string }) {
  useTick()
  const left = Date.parse(at) - serverNow()
  return <span className="quiet">{left > 0 ? `${what} ${duration(left)}` : 'over'}</span>
}

type ActProps = { override: string; onDone: (at: number) => void }

function Approve({ override, onDone }: ActProps) {
  const order = useOrder(ApproveOverrideDocument)
  const send = async () => {
    const answer = await order.send({ override })
    if (isAccepted(answer)) onDone(answer.position)
  }
  return (
    <>
      <button type="button" className="button primary" aria-busy={order.sending} onClick={() => void send()}>
        Approve
      </button>
      {order.outcome && <OutcomeNote outcome={order.outcome} done="Approved: it is in effect" />}
    </>
  )
}

function Refuse({ override, onDone }: ActProps) {
  const order = useOrder(RefuseOverrideDocument)
  const [reason, setReason] = useState('')
  return (
    <OrderForm
      label="Refuse the override"
      order={order}
      done="Refused"
      verb="Refuse it"
      missing={[reason.trim().length < 3 && 'a reason']}
      onSend={async () => {
        const answer = await order.send({ override, reason: reason.trim() })
        if (isAccepted(answer)) onDone(answer.position)
      }}
    >
      <Said label="Why it is refused" value={reason} onChange={setReason} fault={faultsOf(order.outcome)('reason')} />
    </OrderForm>
  )
}

function Justify({ override, onDone }: ActProps) {
  const order = useOrder(JustifyOverrideDocument)
  const [justification, setJustification] = useState('')
  const [basis, setBasis] = useState<Basis>({ ...NO_BASIS, kind: 'exigency' })
  const faults = faultsOf(order.outcome)
  return (
    <OrderForm
      label="Justify the break-glass"
      order={order}
      done="Justified"
      verb="Justify it"
      missing={[justification.trim().length < 10 && 'why the glass was broken', ...missingOfBasis(basis)]}
      onSend={async () => {
        const answer = await order.send({
          override,
          justification: justification.trim(),
          legalBasis: basisOf(basis),
        })
        if (isAccepted(answer)) onDone(answer.position)
      }}
    >
      <Said
        label="Why the glass was broken"
        value={justification}
        onChange={setJustification}
        fault={faults('justification')}
      />
      <LegalBasisFields basis={basis} onChange={setBasis} faults={faults} />
    </OrderForm>
  )
}

const VERDICTS = ['in_order', 'not_in_order', 'abuse'] as const

function Review({ override, onDone }: ActProps) {
  const order = useOrder(ReviewOverrideDocument)
  const [verdict, setVerdict] = useState<string>('in_order')
  const [findings, setFindings] = useState('')
  const faults = faultsOf(order.outcome)
  return (
    <OrderForm
      label="Review the override"
      order={order}
      done="Reviewed"
      verb="Record the review"
      missing={[findings.trim().length < 3 && 'what you found']}
      onSend={async () => {
        const answer = await order.send({ override, verdict, findings: findings.trim() })
        if (isAccepted(answer)) onDone(answer.position)
      }}
    >
      <Field label="It was" fault={faults('verdict')}>
        {(id) => (
          <select id={id} value={verdict} onChange={(event) => setVerdict(event.target.value)}>
            {VERDICTS.map((each) => (
              <option key={each} value={each}>
                {words(each)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Said label="What you found" value={findings} onChange={setFindings} fault={faults('findings')} />
    </OrderForm>
  )
}

type SaidProps = { label: string; value: string; onChange: (value: string) => void; fault: ReactNode }

function Said({ label, value, onChange, fault }: SaidProps) {
  return (
    <Field label={label} fault={fault}>
      {(id) => (
        <textarea id={id} rows={2} maxLength={500} value={value} onChange={(event) => onChange(event.target.value)} />
      )}
    </Field>
  )
}
