/** How long footage is kept: what is due, what holds keep, what waits for the captain, what is gone and by whose leave. */
import { useCallback, useState } from 'react'

import { useOrder } from '../board/orders'
import { nameOf, useSources } from '../cameras/sources'
import { spanned } from '../footage/times'
import { OrderButton, OrderForm, SaidForm } from '../forms/field'
import { basisInWords } from '../forms/legal-basis'
import { ask, BY_ITSELF } from '../graphql/client'
import {
  AnswerRetentionExtensionDocument,
  DestroyFootageDocument,
  LegalHoldsDocument,
  type LegalHoldsQuery,
  ReleaseLegalHoldDocument,
  RetainedFootageDocument,
  type RetainedFootageQuery,
} from '../graphql/generated/graphql'
import { serverNow } from '../shell/clock'
import { Acts } from '../shell/acts'
import { Desk, Fact, type Kind, signed, Unread, useListed } from '../shell/desk'
import { useViewer } from '../shell/viewer'
import { dayOf, momentOf, words } from '../shell/words'
import { HoldForm, VerifyForm } from './hold-forms'

type Footage = RetainedFootageQuery['retainedFootage']['edges'][number]['node']
type Hold = LegalHoldsQuery['legalHolds']['edges'][number]['node']
type Which = 'due' | 'asked' | 'kept' | 'holds' | 'held' | 'destroyed' | 'lost'
type Row = { footage: Footage } | { hold: Hold }

const KINDS: readonly Kind<Which>[] = [
  { code: 'due', name: 'Due', empty: 'Nothing is to be destroyed now.' },
  { code: 'asked', name: 'Longer?', empty: 'Nobody asks for footage to be kept longer.' },
  { code: 'kept', name: 'Kept', empty: 'No footage is kept.' },
  { code: 'holds', name: 'Legal holds', empty: 'No legal hold is on any footage.' },
  { code: 'held', name: 'Left by holds', empty: 'Of nothing is there only what a hold keeps.' },
  { code: 'destroyed', name: 'Destroyed', empty: 'No footage was destroyed yet.' },
  { code: 'lost', name: 'Lost', empty: 'No footage was lost.' },
]

async function load(which: Which, at: number | undefined): Promise<Row[]> {
  if (which === 'holds') {
    const { legalHolds } = await ask(LegalHoldsDocument, { at: at ?? null }, BY_ITSELF)
    return legalHolds.edges.map(({ node }) => ({ hold: node }))
  }
  const { retainedFootage } = await ask(RetainedFootageDocument, { which, at: at ?? null }, BY_ITSELF)
  return retainedFootage.edges.map(({ node }) => ({ footage: node }))
}

export function RetentionPage() {
  const sources = useSources()
  const [which, setWhich] = useState<Which>('due')
  const { rows, failure, again } = useListed(useCallback((at: number | undefined) => load(which, at), [which]))
  return (
    <Desk
      title="Retention"
      explained="The use policy says how long footage is kept; a legal hold beats it. What is destroyed is destroyed by its key, on the captain’s word."
      kinds={KINDS}
      shown={which}
      onShow={setWhich}
      count={rows?.length}
    >
      <Unread failure={failure} again={again} />
      {rows?.map((row) =>
        'hold' in row ? (
          <HoldItem key={row.hold.id} hold={row.hold} of={nameOf(row.hold.feed, sources)} onDone={again} />
        ) : (
          <Item key={row.footage.id} footage={row.footage} of={nameOf(row.footage.feed, sources)} onDone={again} />
        ),
      )}
    </Desk>
  )
}

type Done = { onDone: (at: number) => void }

const stretch = ({ since, until }: { since: string; until: string }) =>
  `${dayOf(since)} ${spanned({ since: Date.parse(since), until: Date.parse(until) })}`

const SAID: Record<string, { name: string; look: string }> = {
  kept: { name: 'kept', look: 'good' },
  held: { name: 'only what holds keep', look: 'warn' },
  destroyed: { name: 'destroyed', look: '' },
  lost: { name: 'lost', look: 'bad' },
}

function Item({ footage, of, onDone }: { footage: Footage; of: string } & Done) {
  const viewer = useViewer()
  const { id, dueAt, holds, state } = footage
  const there = state === 'kept' || state === 'held'
  const due = there && dueAt !== null && Date.parse(dueAt) <= serverNow()
  const asked = state === 'kept' && footage.askedUntil !== null
  const answers = asked && viewer.can('answer_retention_extension') && footage.askedBy?.id !== viewer.id
  const said = SAID[state] ?? { name: words(state), look: '' }
  return (
    <article className={due ? 'item late' : 'item'} data-footage={id} data-state={state}>
      <header>
        <span className={`chip ${said.look}`}>{said.name}</span>
        {holds > 0 && <span className="chip warn">{holds === 1 ? 'one legal hold' : `${holds} legal holds`}</span>}
        <h2>{of}</h2>
      </header>
      <dl className="facts">
        <Fact name="Stretch">{stretch(footage)}</Fact>
        <Fact name="Kept as">{footage.categories.map(words).join(', ')}</Fact>
        <Fact name={due ? 'Due since' : 'Due'}>{there && (dueAt ? momentOf(dueAt) : 'not by the schedule')}</Fact>
        <Fact name="Extended until">{footage.keepUntil && momentOf(footage.keepUntil)}</Fact>
        <Fact name="Asked for, until">{footage.askedUntil && signed(footage.askedBy, footage.askedUntil)}</Fact>
        <Fact name="Destroyed on the word of">{signed(footage.destructionApprovedBy, footage.destroyedAt)}</Fact>
        <Fact name="By use policy">{footage.destroyedUnderPolicy}</Fact>
        <Fact name="In no backup after">{footage.unrecoverableAfter && momentOf(footage.unrecoverableAfter)}</Fact>
        <Fact name="Noticed">{footage.lostAt && momentOf(footage.lostAt)}</Fact>
      </dl>
      <Acts
        onDone={onDone}
        acts={[
          answers && { verb: 'Refuse…', form: (done) => <RefuseExtension footage={id} onDone={done} /> },
          due &&
            viewer.can('destroy_footage') && {
              verb: 'Destroy…',
              look: 'danger',
              form: (done) => <Destroy footage={id} onDone={done} />,
            },
          there &&
            viewer.can('place_legal_hold') && {
              verb: 'Hold…',
              form: (done) => <HoldForm footage={id} onDone={done} />,
            },
        ]}
      >
        {answers && <Extend footage={id} onDone={onDone} />}
      </Acts>
    </article>
  )
}

function Extend({ footage, onDone }: { footage: string } & Done) {
  const order = useOrder(AnswerRetentionExtensionDocument)
  return (
    <OrderButton
      order={order}
      done="It is kept longer"
      verb="Keep it longer"
      onSend={() => order.send({ footage, refusal: null })}
      onAccepted={({ position }) => onDone(position)}
    />
  )
}

function RefuseExtension({ footage, onDone }: { footage: string } & Done) {
  const order = useOrder(AnswerRetentionExtensionDocument)
  return (
    <SaidForm
      label="Refuse to keep it longer"
      order={order}
      done="Refused"
      verb="Refuse it"
      ask="Why it is refused"
      field="reason"
      wanted="a reason"
      onSend={(refusal) => order.send({ footage, refusal })}
      onAccepted={({ position }) => onDone(position)}
    />
  )
}

function Destroy({ footage, onDone }: { footage: string } & Done) {
  const order = useOrder(DestroyFootageDocument)
  const [sure, setSure] = useState(false)
  return (
    <OrderForm
      label="Destroy the footage"
      order={order}
      done="Its key is destroyed"
      verb="Destroy it for good"
      missing={[!sure && 'that you mean it']}
      promise="On the record with your name. What legal holds keep of it stays in their copies."
      onSend={() => order.send({ footage })}
      onAccepted={({ position }) => onDone(position)}
    >
      <label className="check">
        <input type="checkbox" checked={sure} onChange={(event) => setSure(event.target.checked)} />
        Nobody will be able to see it again
      </label>
    </OrderForm>
  )
}

function HoldItem({ hold, of, onDone }: { hold: Hold; of: string } & Done) {
  const viewer = useViewer()
  return (
    <article className={hold.toVerify ? 'item late' : 'item'} data-hold={hold.id}>
      <header>
        <span className={hold.toVerify ? 'chip bad' : 'chip good'}>
          {hold.toVerify ? 'look again whether it is needed' : 'in force'}
        </span>
        <h2>{of}</h2>
        <span className="quiet">hold {hold.name}</span>
      </header>
      <dl className="facts">
        <Fact name="Stretch">{stretch(hold)}</Fact>
        <Fact name="Legal basis">{basisInWords(hold.legalBasis)}</Fact>
        <Fact name="Placed by">{signed(hold.placedBy, hold.placedAt)}</Fact>
        <Fact name="Looked at last">{hold.verifiedAt && momentOf(hold.verifiedAt)}</Fact>
        <Fact name="To look at again on">{hold.verifyAgainOn}</Fact>
        <Fact name="Copy of its own">{hold.copiedAt ? momentOf(hold.copiedAt) : 'none: all of it is held'}</Fact>
      </dl>
      {/* Who places holds looks at them again and releases them. */}
      {viewer.can('place_legal_hold') && (
        <Acts
          onDone={onDone}
          acts={[
            {
              verb: 'Still needed…',
              form: (done) => <VerifyForm footage={hold.footage} hold={hold.name} onDone={done} />,
            },
            { verb: 'Release…', form: (done) => <Release footage={hold.footage} hold={hold.name} onDone={done} /> },
          ]}
        />
      )}
    </article>
  )
}

function Release({ footage, hold, onDone }: { footage: string; hold: string } & Done) {
  const order = useOrder(ReleaseLegalHoldDocument)
  return (
    <SaidForm
      label="Release the hold"
      order={order}
      done="Released: the schedule rules again"
      verb="Release it"
      ask="Why it is not needed any more"
      field="reason"
      wanted="a reason"
      onSend={(reason) => order.send({ footage, hold, reason })}
      onAccepted={({ position }) => onDone(position)}
    />
  )
}
