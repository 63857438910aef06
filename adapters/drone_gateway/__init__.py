"""Between MAVLink and the record: what a drone did becomes events, what people ordered becomes commands.

Vehicles themselves are in `adapters/mavlink`; here is what flights, orders and the journal are made of.
"""
