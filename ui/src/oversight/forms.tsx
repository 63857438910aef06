/** The forms of oversight's desk. What becomes of each is said where it was sent. */
import { type FormEvent, useEffect, useState } from 'react'

import { type Outcome, useOrder } from '../board/orders'
import { OutcomeNote } from '../board/outcome'
import { Field } from '../forms/field'
import { ask, Failure } from '../graphql/client'
import {
  CommitAuditSeedDocument,
  DrawAuditSampleDocument,
  RecordFindingDocument,
  ReviewAccessDocument,
  ReviewDisclosureDocument,
  SampledAccessesDocument,
  TakeCorrectiveActionDocument,
} from '../graphql/generated/graphql'
import { words } from '../shell/words'
import { type Due, type Form, freshNumber, weekOf } from './steps'

type Props = { due: Due; onDone: (at: number) => void }

export function Step({ form, due, onDone }: Props & { form: Form }) {
  switch (form) {
    case 'commit':
      return <Commit due={due} onDone={onDone} />
    case 'draw':
      return <Draw due={due} onDone={onDone} />
    case 'review_access':
      return <ReviewAccess due={due} onDone={onDone} />
    case 'review_disclosure':
      return <ReviewDisclosure due={due} onDone={onDone} />
    case 'act':
      return <Act due={due} onDone={onDone} />
  }
}

/** Tells the page where in the log a command went, where it was accepted; says whether it was. */
function tell(outcome: Outcome, onDone: Props['onDone']): boolean {
  if (outcome instanceof Failure || outcome.__typename !== 'Accepted') return false
  onDone(outcome.position)
  return true
}

/** The number is made here and shown once: only its SHA-256 leaves the page. */
function Commit({ due, onDone }: Props) {
  const order = useOrder(CommitAuditSeedDocument)
  const [made, setMade] = useState<{ nonce: string; sha256: string }>()
  const [kept, setKept] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (made) tell(await order.send({ week: weekOf(due), nonceSha256: made.sha256 }), onDone)
  }
  return (
    <form className="step" onSubmit={(event) => void submit(event)}>
      {!made ? (
        <button type="button" className="button primary" onClick={() => void freshNumber().then(setMade)}>
          Make a number for {weekOf(due)}
        </button>
      ) : (
        <>
          <p>
            Keep this number where the agency cannot read it, until the week is over. It is shown only here, and only
            now; without it no sample of this week can be drawn.
          </p>
          <code className="nonce" data-testid="nonce">
            {made.nonce}
          </code>
          <label className="check">
            <input type="checkbox" checked={kept} onChange={(event) => setKept(event.target.checked)} />I have kept the
            number
          </label>
          <button type="submit" className="button primary" disabled={!kept || order.sending}>
            Commit to it
          </button>
        </>
      )}
      {order.outcome && <OutcomeNote outcome={order.outcome} done={`Oversight is committed for ${weekOf(due)}`} />}
    </form>
  )
}

function Draw({ due, onDone }: Props) {
  const order = useOrder(DrawAuditSampleDocument)
  const [nonce, setNonce] = useState('')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    tell(await order.send({ week: weekOf(due), nonce: nonce.trim() }), onDone)
  }
  return (
    <form className="step" onSubmit={(event) => void submit(event)}>
      <Field label="The number that was committed to, 64 hexadecimal digits">
        {(id) => <input id={id} className="mono" value={nonce} onChange={(event) => setNonce(event.target.value)} />}
      </Field>
      <button type="submit" className="button primary" disabled={order.sending || nonce.trim() === ''}>
        Reveal it and draw
      </button>
      {order.outcome && <OutcomeNote outcome={order.outcome} done="The sample is drawn" />}
    </form>
  )
}

function ReviewAccess({ due, onDone }: Props) {
  const order = useOrder(ReviewAccessDocument)
  const [stated, setStated] = useState<readonly (string | null)[]>()
  useEffect(() => {
    let left = false
    ask(SampledAccessesDocument, { week: weekOf(due) }).then(
      ({ auditSamples }) => {
        const access = auditSamples.samples[0]?.accesses.find((each) => each.position === due.number)
        if (!left) setStated(access?.stated ?? [])
      },
      () => undefined, // the reasons stand in the audit trail as well
    )
    return () => {
      left = true
    }
  }, [due])
  const send = async (verdict: string, note: string) => {
    const review = { review: due.review ?? '', position: due.number ?? 0 }
    tell(await order.send({ ...review, verdict, note }), onDone)
  }
  return (
    <>
      {stated && stated.length > 0 && (
        <p>
          Stated:{' '}
          {stated.map((reason) => (reason === null ? 'a text whose key is destroyed' : `“${reason}”`)).join(', ')}
        </p>
      )}
      <Verdict sending={order.sending} outcome={order.outcome} onSend={send} />
    </>
  )
}

function ReviewDisclosure({ due, onDone }: Props) {
  const order = useOrder(ReviewDisclosureDocument)
  const send = async (verdict: string, note: string) => {
    const disclosure = due.stream.replace(/^disclosure-/, '')
    tell(await order.send({ disclosure, verdict, note }), onDone)
  }
  return <Verdict sending={order.sending} outcome={order.outcome} onSend={send} />
}

const VERDICTS = ['proper', 'unclear', 'improper'] as const

function Verdict({
  sending,
  outcome,
  onSend,
}: {
  sending: boolean
  outcome: Outcome | undefined
  onSend: (verdict: string, note: string) => Promise<void>
}) {
  const [verdict, setVerdict] = useState<string>('proper')
  const [note, setNote] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void onSend(verdict, note)
  }
  return (
    <form className="step" onSubmit={submit}>
      <Field label="It was">
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
      <Field label={verdict === 'proper' ? 'Note, if any' : 'What is wrong or unclear'}>
        {(id) => <textarea id={id} rows={2} value={note} onChange={(event) => setNote(event.target.value)} />}
      </Field>
      <button type="submit" className="button primary" disabled={sending}>
        Record the review
      </button>
      {outcome && <OutcomeNote outcome={outcome} done="The review is on the record" />}
    </form>
  )
}

function Act({ due, onDone }: Props) {
  const order = useOrder(TakeCorrectiveActionDocument)
  const [measure, setMeasure] = useState('')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const finding = { review: due.review ?? '', finding: due.number ?? 0 }
    tell(await order.send({ ...finding, measure }), onDone)
  }
  return (
    <form className="step" onSubmit={(event) => void submit(event)}>
      <Field label="What was done about it">
        {(id) => <textarea id={id} rows={2} value={measure} onChange={(event) => setMeasure(event.target.value)} />}
      </Field>
      <button type="submit" className="button primary" disabled={order.sending || measure.trim() === ''}>
        Put it on the record
      </button>
      {order.outcome && <OutcomeNote outcome={order.outcome} done="It is on the record" />}
    </form>
  )
}

const KINDS = ['vague_reason', 'no_such_case', 'no_authority', 'prohibited_purpose', 'procedure', 'record', 'other']

export function FindingForm({ onDone }: { onDone: (at: number) => void }) {
  const order = useOrder(RecordFindingDocument)
  const [kind, setKind] = useState('vague_reason')
  const [about, setAbout] = useState('')
  const [shortcoming, setShortcoming] = useState('')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!tell(await order.send({ input: { kind, about: about.trim() || null, shortcoming } }), onDone)) return
    setAbout('')
    setShortcoming('')
  }
  return (
    <form className="step" aria-label="Record a finding" onSubmit={(event) => void submit(event)}>
      <Field label="Kind">
        {(id) => (
          <select id={id} value={kind} onChange={(event) => setKind(event.target.value)}>
            {KINDS.map((each) => (
              <option key={each} value={each}>
                {words(each)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="About (a record, such as liveview-… or person-…)">
        {(id) => <input id={id} className="mono" value={about} onChange={(event) => setAbout(event.target.value)} />}
      </Field>
      <Field label="What is wrong">
        {(id) => (
          <textarea id={id} rows={2} value={shortcoming} onChange={(event) => setShortcoming(event.target.value)} />
        )}
      </Field>
      <button type="submit" className="button primary" disabled={order.sending}>
        Record the finding
      </button>
      {order.outcome && <OutcomeNote outcome={order.outcome} done="The finding is on the record" />}
    </form>
  )
}
