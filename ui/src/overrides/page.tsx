/** Overrides: who asks to lift a mask, who decides, what is in effect, what is yet to be justified and reviewed. */
import { useCallback, useState } from 'react'

import { useOrder } from '../board/orders'
import { Reasons } from '../board/outcome'
import { ChoiceField, faultsOf, inWords, OrderButton, OrderForm, SaidForm, TextField } from '../forms/field'
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
import { Acts } from '../shell/acts'
import { Desk, Fact, type Kind, signed, Unread, useListed } from '../shell/desk'
import { Left } from '../shell/left'
import { useViewer } from '../shell/viewer'
import { count, dayOf, momentOf, timeOfDay, words } from '../shell/words'

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
  const own = override.requestedBy.id === viewer.id
  const decides = override.state === 'waiting' && viewer.can('approve_override') && !own
  const justifies = override.emergency && override.justifyBy !== null && !override.justifiedAt && own
  const reviews =
    override.state === 'expired' && override.reviewBy !== null && !override.reviewedAt && viewer.can('review_override')
  const late = override.justificationOverdue || override.reviewOverdue
  return (
    <article className={late ? 'item late' : 'item'} data-override={override.id} data-state={override.state}>
      <header>
        <span className={`chip ${LOOKS[override.state] ?? ''}`}>
          {override.state === 'active' ? 'in effect' : words(override.state).toLowerCase()}
        </span>
        {override.emergency && <span className="chip bad">break-glass</span>}
        <h2>{target}</h2>
        <span className="spring" />
        {override.state === 'waiting' && override.awaitsUntil && (
          <Left until={override.awaitsUntil} what="lapses in" over="over" />
        )}
        {override.state === 'active' && override.expiresAt && <Left until={override.expiresAt} over="over" />}
        {override.justificationOverdue && <span className="chip bad">justification overdue</span>}
        {override.reviewOverdue && <span className="chip bad">review overdue</span>}
      </header>
      <dl className="facts">
        <Fact name="Asked for by">{signed(override.requestedBy, override.requestedAt)}</Fact>
        <Fact name="Of the time">
          {momentOf(override.since)} to {timeOfDay(override.until)}
        </Fact>
        <Fact name="Purpose">{words(override.purpose)}</Fact>
        <Fact name="Call">{override.callNumber}</Fact>
        <Fact name="Case">{override.caseNumber}</Fact>
        <Fact name="Legal basis">{override.legalBasis && basisInWords(override.legalBasis)}</Fact>
        <Fact name="For">{override.minutes && `${override.minutes} minutes`}</Fact>
        <Fact name={override.state === 'refused' ? 'Refused by' : 'Approved by'}>
          {signed(override.decidedBy, override.decidedAt)}
        </Fact>
        <Fact name="Used">{override.uses > 0 && `${count(override.uses)} times`}</Fact>
        <Fact name="Review">
          {override.reviewedAt
            ? `${words(override.verdict ?? '')}, ${dayOf(override.reviewedAt)}`
            : override.reviewBy && `due ${momentOf(override.reviewBy)}`}
        </Fact>
      </dl>
      {override.texts?.why && <p className="said">{override.texts.why}</p>}
      {override.texts?.justification && <p className="said">Justified: {override.texts.justification}</p>}
      {override.texts?.findings && <p className="said">Reviewed: {override.texts.findings}</p>}
      {override.reasons.length > 0 && <Reasons reasons={override.reasons} />}
      <Acts
        onDone={onDone}
        acts={[
          decides && { verb: 'Refuse…', form: (done) => <Refuse override={override.id} onDone={done} /> },
          justifies && {
            verb: 'Justify…',
            look: 'primary',
            form: (done) => <Justify override={override.id} onDone={done} />,
          },
          reviews && {
            verb: 'Review…',
            look: 'primary',
            form: (done) => <Review override={override.id} onDone={done} />,
          },
        ]}
      >
        {decides && <Approve override={override.id} onDone={onDone} />}
      </Acts>
    </article>
  )
}

type ActProps = { override: string; onDone: (at: number) => void }

function Approve({ override, onDone }: ActProps) {
  const order = useOrder(ApproveOverrideDocument)
  return (
    <OrderButton
      order={order}
      done="Approved: it is in effect"
      verb="Approve"
      onSend={() => order.send({ override })}
      onAccepted={({ position }) => onDone(position)}
    />
  )
}

function Refuse({ override, onDone }: ActProps) {
  const order = useOrder(RefuseOverrideDocument)
  return (
    <SaidForm
      label="Refuse the override"
      order={order}
      done="Refused"
      verb="Refuse it"
      ask="Why it is refused"
      field="reason"
      wanted="a reason"
      onSend={(reason) => order.send({ override, reason })}
      onAccepted={({ position }) => onDone(position)}
    />
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
      missing={[
        justification.trim().length < 20 && 'why the glass was broken, in twenty characters',
        ...missingOfBasis(basis),
      ]}
      onSend={() => order.send({ override, justification: justification.trim(), legalBasis: basisOf(basis) })}
      onAccepted={({ position }) => onDone(position)}
    >
      <TextField
        label="Why the glass was broken"
        value={justification}
        onChange={setJustification}
        maxLength={2000}
        fault={faults('justification')}
      />
      <LegalBasisFields basis={basis} onChange={setBasis} faults={faults} />
    </OrderForm>
  )
}

const VERDICTS = ['in_order', 'not_in_order', 'abuse'] as const

function Review({ override, onDone }: ActProps) {
  const order = useOrder(ReviewOverrideDocument)
  const [verdict, setVerdict] = useState<string>(VERDICTS[0])
  const [findings, setFindings] = useState('')
  const faults = faultsOf(order.outcome)
  return (
    <OrderForm
      label="Review the override"
      order={order}
      done="Reviewed"
      verb="Record the review"
      missing={[findings.trim().length < 10 && 'what you found, in ten characters']}
      onSend={() => order.send({ override, verdict, findings: findings.trim() })}
      onAccepted={({ position }) => onDone(position)}
    >
      <ChoiceField
        label="It was"
        fault={faults('verdict')}
        value={verdict}
        onChange={setVerdict}
        options={inWords(VERDICTS)}
      />
      <TextField
        label="What you found"
        value={findings}
        onChange={setFindings}
        fault={faults('findings')}
        maxLength={2000}
      />
    </OrderForm>
  )
}
