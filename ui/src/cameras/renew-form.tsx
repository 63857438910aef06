/** Asking to go on watching takes a reason of its own. */
import { useState } from 'react'

import { useOrder } from '../board/orders'
import { faultsOf, OrderForm } from '../forms/field'
import { groundsOf, ReasonField } from '../forms/grounds'
import { RenewLiveViewDocument } from '../graphql/generated/graphql'
import type { View } from './wall'

export function RenewForm({ view, onRenewed }: { view: View; onRenewed: () => void }) {
  const order = useOrder(RenewLiveViewDocument)
  const [reason, setReason] = useState('')
  return (
    <OrderForm
      label={`Go on watching ${view.feed.name}`}
      order={order}
      done="You may go on watching"
      verb="Go on watching"
      missing={[reason.trim().length < 3 && 'a reason']}
      promise="On the record beside the first reason."
      onSend={() => order.send({ view: view.id, reason: reason.trim() })}
      onAccepted={onRenewed}
    >
      <ReasonField
        grounds={groundsOf(view.stated, true)}
        reason={reason}
        onChange={setReason}
        faults={faultsOf(order.outcome)}
        label="Why you need it still"
        placeholder="What you still expect to see"
      />
    </OrderForm>
  )
}
