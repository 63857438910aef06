/** Asking to watch: one purpose, call and reason for all that is chosen; each is a request of its own on the record. */
import { useState } from 'react'

import { type Outcome, useOrder } from '../board/orders'
import { Reasons } from '../board/outcome'
import { faultsOf, isAccepted, OrderForm } from '../forms/field'
import { GroundsFields, type Stated, useGrounds } from '../forms/grounds'
import { Failure } from '../graphql/client'
import { RequestLiveViewDocument } from '../graphql/generated/graphql'
import { SidePanel } from '../shell/side-panel'
import type { Feed } from './wall'

type Props = {
  feeds: readonly Feed[]
  /** What was stated for the last picture. */
  start: Partial<Stated>
  onGranted: (feed: Feed, view: string, stated: Stated) => void
  onClose: () => void
}

type Refusal = { feed: Feed; outcome: Extract<Outcome, { __typename: 'Refused' }> }

export function AskForm({ feeds, start, onGranted, onClose }: Props) {
  const order = useOrder(RequestLiveViewDocument)
  const grounds = useGrounds(start)
  const [refused, setRefused] = useState<readonly Refusal[]>([])
  const many = feeds.length > 1

  const send = async () => {
    setRefused([])
    for (const feed of feeds) {
      const answer = await order.send({ feed: feed.feed, grounds: grounds.input })
      if (isAccepted(answer)) onGranted(feed, answer.id, grounds.stated)
      else if (answer instanceof Failure || answer.__typename !== 'Refused') return
      else if (many) setRefused((before) => [...before, { feed, outcome: answer }])
    }
  }
  return (
    <SidePanel title="Ask to watch" onClose={onClose}>
      <ul className="asked" aria-label="What is asked for">
        {feeds.map((feed) => (
          <li key={feed.feed}>
            <i className={feed.kind === 'drone' ? 'key drone' : 'key camera'} aria-hidden="true" />
            {feed.name}
          </li>
        ))}
      </ul>
      <OrderForm
        label="Ask to watch"
        order={refused.length > 0 ? { ...order, outcome: undefined } : order}
        done="You may watch"
        verb={many ? `Ask to watch ${feeds.length}` : 'Ask to watch'}
        missing={[...grounds.missing, grounds.missingReason]}
        promise="The request is on the record, granted or refused, before the first picture."
        onSend={send}
      >
        <GroundsFields
          grounds={grounds}
          faults={faultsOf(order.outcome)}
          impossible="nothing can be watched"
          placeholder="What you expect to see, and why you need it"
        />
        {refused.map(({ feed, outcome }) => (
          <div key={feed.feed} className="note bad" role="alert">
            <p>
              {feed.name} was refused. The attempt is on the record at position {outcome.position}.
            </p>
            <Reasons reasons={outcome.reasons} />
          </div>
        ))}
      </OrderForm>
    </SidePanel>
  )
}
