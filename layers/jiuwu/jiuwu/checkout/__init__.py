"""Requests about orders, from members and from the merchant: place, show, cancel, refund.

Front doors: `checkout.Checkout` and `refunds.Refunds`.
"""
