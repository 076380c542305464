"""Order notifications, from the queue's message to the order that they change. Front door: `inbox.Inbox`."""
