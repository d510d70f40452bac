"""An OperatorFrame becomes joint targets: clutch, arms, hands; inside limits and finite for whatever comes in."""
