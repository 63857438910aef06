import type { TypedDocumentNode } from '@urql/core'
import { type FormEvent, useState } from 'react'

import {
  AbortFlightDocument,
  AuthoriseLaunchDocument,
  HoldDroneDocument,
  LandDroneDocument,
  LaunchDroneDocument,
  RefuseLaunchDocument,
  ReturnDroneDocument,
  WithdrawLaunchDocument,
} from '../graphql/generated/graphql'
import { serverNow, useTick } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import { duration } from '../shell/words'
import { type Answer, useOrder } from './orders'
import { OutcomeNote } from './outcome'
import type { Flight } from './store'
import { mayBeAirborne } from './timeline'

type WithReason = TypedDocumentNode<{ answer: Answer }, { flight: string; reason: string; commandId: string }>

/** The orders that this person may give to this flight now. Safety orders are never greyed out. */
export function FlightOrders({ flight }: { flight: Flight }) {
  const viewer = useViewer()
  const airborne = mayBeAirborne(flight)
  return (
    <div className="orders">
      {flight.state === 'requested' && (
        <div className="order-row">
          {viewer.can('authorise_launch') && (
            <Order
              document={AuthoriseLaunchDocument}
              variables={{ flight: flight.id }}
              name="Authorise"
              done="Authorised"
              look="primary"
            />
          )}
          {viewer.can('refuse_launch') && (
            <ReasonedOrder
              document={RefuseLaunchDocument}
              flight={flight.id}
              name="Refuse"
              ask="Why is this launch refused?"
              done="Refusal recorded"
            />
          )}
        </div>
      )}
      {['requested', 'authorised'].includes(flight.state) &&
        viewer.can('request_launch') &&
        viewer.id === flight.requestedBy.id && (
          <div className="order-row">
            <ReasonedOrder
              document={WithdrawLaunchDocument}
              flight={flight.id}
              name="Withdraw"
              ask="Why is this launch called off?"
              done="Withdrawn"
            />
          </div>
        )}
      {flight.state === 'authorised' && (
        <div className="order-row">
          {viewer.can('launch_drone') && (
            <Order
              document={LaunchDroneDocument}
              variables={{ flight: flight.id }}
              name="Launch"
              done="Launch ordered"
              look="primary"
            />
          )}
          {flight.authorisationExpiresAt && <Expiry at={flight.authorisationExpiresAt} />}
        </div>
      )}
      {airborne && (
        <div className="order-row safety" role="group" aria-label="Safety orders">
          {viewer.can('return_drone') && (
            <Order
              document={ReturnDroneDocument}
              variables={{ flight: flight.id, reason: '' }}
              name="Return"
              done="Return sent"
              look="return"
            />
          )}
          {viewer.can('hold_drone') && (
            <Order
              document={HoldDroneDocument}
              variables={{ flight: flight.id, reason: '' }}
              name="Hold"
              done="Hold sent"
              look="plain"
            />
          )}
          {viewer.can('land_drone') && (
            <Order
              document={LandDroneDocument}
              variables={{ flight: flight.id, reason: '' }}
              name="Land"
              done="Landing sent"
              look="plain"
            />
          )}
          {viewer.can('abort_flight') && (
            <ReasonedOrder
              document={AbortFlightDocument}
              flight={flight.id}
              name="Abort"
              ask="Why, if there is time to say"
              done="Abort sent"
              danger
            />
          )}
        </div>
      )}
    </div>
  )
}

type OrderProps<Variables extends { commandId: string }> = {
  document: TypedDocumentNode<{ answer: Answer }, Variables>
  variables: Omit<Variables, 'commandId'>
  name: string
  done: string
  look: 'primary' | 'return' | 'plain'
}

/** One press, at once. It can be pressed again while the first is still on its way. */
function Order<Variables extends { commandId: string }>({
  document,
  variables,
  name,
  done,
  look,
}: OrderProps<Variables>) {
  const { sending, outcome, send } = useOrder(document)
  return (
    <>
      <button type="button" className={`button ${look}`} aria-busy={sending} onClick={() => void send(variables)}>
        {name}
      </button>
      {outcome && <OutcomeNote outcome={outcome} done={done} />}
    </>
  )
}

type ReasonedProps = { document: WithReason; flight: string; name: string; ask: string; done: string; danger?: boolean }

function ReasonedOrder({ document, flight, name, ask, done, danger = false }: ReasonedProps) {
  const { sending, outcome, send } = useOrder(document)
  const [asking, setAsking] = useState(false)
  const [reason, setReason] = useState('')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const answer = await send({ flight, reason: reason.trim() })
    if ('__typename' in answer && answer.__typename === 'Accepted') setAsking(false)
  }
  return (
    <>
      {!asking && (
        <button type="button" className={danger ? 'button danger' : 'button plain'} onClick={() => setAsking(true)}>
          {name}
        </button>
      )}
      {asking && (
        <form className="ask" onSubmit={(event) => void submit(event)}>
          <label>
            {ask}
            <input value={reason} onChange={(event) => setReason(event.target.value)} autoFocus maxLength={500} />
          </label>
          <button
            type="submit"
            className={danger ? 'button danger solid' : 'button primary'}
            aria-busy={sending}
            disabled={!danger && reason.trim() === ''}
          >
            {name} now
          </button>
          <button type="button" className="button quiet" onClick={() => setAsking(false)}>
            Keep it
          </button>
        </form>
      )}
      {outcome && <OutcomeNote outcome={outcome} done={done} />}
    </>
  )
}

function Expiry({ at }: { at: string }) {
  useTick()
  const left = Date.parse(at) - serverNow()
  return (
    <span className={left < 60_000 ? 'expiry near' : 'expiry'}>
      {left > 0 ? `Authorisation lapses in ${duration(left)}` : 'Authorisation has lapsed'}
    </span>
  )
}
